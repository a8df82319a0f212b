#!/usr/bin/env python3
"""libvigil-client as a stranger meets it: installed, looked at, and its example built as its page says,
outside of the tree, against the alerts of a real pipeline."""
import os
import pathlib
import re
import subprocess
import sys
import sysconfig
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from live import Live, outbox_has, record, until
from vigil import check

TOPIC = "vitals.raw"
PAGE = vigil.ROOT / "client/README.md"
LIB = f"lib/{sysconfig.get_config_var('MULTIARCH')}"
FILES = {f"{LIB}/libvigil-client.a", f"{LIB}/libvigil-client.so", f"{LIB}/libvigil-client.so.0",
         f"{LIB}/pkgconfig/vigil-client.pc", "include/vigil_client.h",
         "share/doc/libvigil-client-dev/README.md", "share/doc/libvigil-client-dev/example.c"}

PROGRAMS = ("example", "static")


def run(*command, shell=False, **more):
    done = subprocess.run(command[0] if shell else command, shell=shell, capture_output=True,
                          text=True, timeout=60, **more)
    check(done.returncode == 0, f"{command}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def install(prefix):
    for component in ("client", "client-dev"):
        run("cmake", "--install", str(vigil.BUILD), "--component", component, "--prefix", str(prefix))
    return {**os.environ, "PKG_CONFIG_PATH": f"{prefix}/{LIB}/pkgconfig",
            "LD_LIBRARY_PATH": f"{prefix}/{LIB}"}


def declared():
    header = (vigil.ROOT / "client/vigil_client.h").read_text()
    functions = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    return set(re.findall(r"\b(vigil_client_\w+)\(", functions))


def what_is_installed_shows_the_functions_of_its_header_and_no_other():
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder)
        install(prefix)
        there = {str(p.relative_to(prefix)) for p in prefix.rglob("*") if not p.is_dir()}
        check(FILES <= there and len(there) == len(FILES) + 1, f"installed {sorted(there)}")
        shared = prefix / LIB / "libvigil-client.so"
        names = {line.split()[-1] for line in
                 run("nm", "-D", "--defined-only", shared).splitlines()} - {"VIGIL_CLIENT_0"}
        expected = {f"{name}@@VIGIL_CLIENT_0" for name in declared()}
        check(names == expected, f"exports {names ^ expected} by mistake, or does not")
        check("libvigil-client.so.0]" in run("readelf", "-d", shared), "the soname is another")
        static = [line.split()[-1] for line in run("nm", "-g", "--defined-only", prefix / LIB /
                  "libvigil-client.a").splitlines() if len(line.split()) == 3]
        foreign = [name for name in static if not name.startswith("vigil_")]
        check(declared() <= set(static) and not foreign, f"the static library has {foreign}")


def config(broker, folder):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "500ms"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                          "control": f"ipc://{folder}/control"}
    return c


def build(folder, env):
    """The page's program, by the page's commands: with a shared library, and with a static one."""
    page = PAGE.read_text()
    program = re.search(r"```c\n(.*?)```", page, re.S).group(1)
    check(program == (vigil.ROOT / "client/example.c").read_text(), f"{PAGE} shows another example")
    (folder / "example.c").write_text(program)
    commands = re.findall(r"^cc .*$", page, re.M)
    check(len(commands) == len(PROGRAMS), f"{PAGE} has {commands}")
    for command in commands:
        run(command, shell=True, cwd=folder, env=env)
    check("libvigil-client" not in run("ldd", folder / "static"), "the static one loads the library")


def the_example_of_the_page_receives_every_alert():
    with tempfile.TemporaryDirectory() as name, vigil.MockBroker(f"{TOPIC}:1") as broker, \
            vigil.Pipeline(config(broker, name)) as pipeline:
        folder = pathlib.Path(name)
        env = install(folder)
        build(folder, env)
        addresses = [f"ipc://{name}/publish", f"ipc://{name}/control"]
        with Live(pipeline) as live:
            programs = [subprocess.Popen([folder / program, *addresses], env=env, text=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                        for program in PROGRAMS]
            try:
                for program in programs:
                    vigil.read_line(program.stderr, until=b"in step")
                vigil.produce(broker.bootstrap, TOPIC,
                              [record(0, s, "p-1", spo2=95 if s % 2 else 80, bed="icu-a/1")
                               for s in range(40)])
                until("40 events", outbox_has(pipeline, "select count(*) from event", 40))
                live.stop()
                for program in programs:
                    out, said = program.communicate(timeout=30)
                    check(program.returncode == 0, f"exit {program.returncode}: {said}")
                    check(out.encode().splitlines() == pipeline.lines(), f"received {out[-2000:]}")
            finally:
                for program in programs:
                    program.kill()


if __name__ == "__main__":
    vigil.main(what_is_installed_shows_the_functions_of_its_header_and_no_other,
               the_example_of_the_page_receives_every_alert)
