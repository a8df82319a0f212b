#!/usr/bin/env python3
"""The Debian packages: what is in them. VIGIL_LONG=1 also has lintian look at them and installs them in a clean
Debian, runs the service's program as its user there, upgrades, removes and purges."""
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from debian_root import Root, Unavailable, tell
from http_client import settings
from live import Live
from vigil import check

PACKAGES = {"vigil", "libvigil-client0", "libvigil-client-dev", "vigil-doc"}
CONTAINERFILE = vigil.ROOT / "packaging/container/Containerfile"
HEALTHCHECK = vigil.ROOT / "packaging/container/healthcheck"
SERVICE = vigil.ROOT / "packaging/systemd/vigil.service"
LONG = os.environ.get("VIGIL_LONG") == "1"
MADE = {}  # by revision: folder of packages


def run(*command, expect=0, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600,
                          **more)
    check(done.returncode == expect,
          f"{command}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    return done.stdout


def packages(folder, revision=1):
    """{name: file} of the packages of this build."""
    if revision not in MADE:
        made = pathlib.Path(folder) / f"revision-{revision}"
        # Which packages the libraries are of takes longer than all else; nothing is installed without LONG.
        run("cpack", "-B", made, "-D", f"CPACK_OUTPUT_FILE_PREFIX={made}",
            "-D", f"CPACK_DEBIAN_PACKAGE_RELEASE={revision}",
            "-D", f"CPACK_DEBIAN_PACKAGE_SHLIBDEPS={'ON' if LONG else 'OFF'}", cwd=vigil.BUILD)
        MADE[revision] = {file.name.split("_")[0]: file for file in made.glob("*.deb")}
        check(set(MADE[revision]) == PACKAGES, f"there are {sorted(MADE[revision])}")
    return MADE[revision]


def lintian_finds_nothing():
    if not LONG or not shutil.which("lintian"):
        print("     " + ("lintian is not installed" if LONG else "only with VIGIL_LONG=1"))
        return
    said = run("lintian", "--allow-root", "--fail-on", "error,warning", *packages(FOLDER).values())
    check(not said, said)


def files(package):
    tree = FOLDER / package
    if not tree.exists():
        run("dpkg-deb", "-R", packages(FOLDER)[package], tree)
    return tree


def what_is_installed_is_what_a_service_needs():
    tree = files("vigil")
    for path in ("usr/bin/vigil", "lib/systemd/system/vigil.service", "usr/lib/sysusers.d/vigil.conf",
                 "usr/share/bash-completion/completions/vigil", "usr/share/zsh/site-functions/_vigil",
                 "usr/share/fish/vendor_completions.d/vigil.fish", "usr/share/man/man1/vigil-run.1.gz",
                 "usr/share/vigil/prometheus/vigil.rules.yml", "usr/share/vigil/grafana/vigil.json",
                 "usr/share/vigil/kubernetes/vigil.yaml"):
        check((tree / path).is_file(), f"vigil has no {path}")
    etc = {f"/{p.relative_to(tree)}" for p in (tree / "etc").rglob("*") if p.is_file()}
    check(set((tree / "DEBIAN/conffiles").read_text().split()) == etc,
          f"what an administrator may change is {etc}")
    commands = re.findall(r"^  (\w[\w-]*)", run(tree / "usr/bin/vigil", "--help"), re.M)
    pages = {p.name.removesuffix(".1.gz") for p in (tree / "usr/share/man/man1").iterdir()}
    missing = {f"vigil-{c}" for c in commands} - pages
    check(len(commands) > 20 and not missing, f"no manual pages for {missing}")
    check(b"vigil (" in gzip.open(tree / "usr/share/doc/vigil/changelog.Debian.gz").read(), "changelog")
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", tree / "DEBIAN" / script)


def the_program_of_the_package_takes_every_configuration_of_the_package():
    tree = files("vigil")
    configs = [tree / "etc/vigil/vigil.yaml",
               *sorted((tree / "usr/share/vigil/configs").glob("*.yaml"))]
    check(len(configs) > 5, f"{configs}")
    for config in configs:
        run(tree / "usr/bin/vigil", "validate", "--deny-warnings", config)
    said = run(tree / "usr/bin/vigil", "test", configs[0])
    check("3 passed" in said or " 0 failed" in said, said)


def the_library_of_one_package_is_what_the_other_one_links():
    library, dev = files("libvigil-client0"), files("libvigil-client-dev")
    shared = list(library.glob("usr/lib/*/libvigil-client.so.0.*"))
    check(len(shared) == 1, f"{shared}")
    link = dev / shared[0].relative_to(library).parent / "libvigil-client.so"
    check(os.readlink(link) == "libvigil-client.so.0"
          and (shared[0].parent / os.readlink(link)).exists(), "the link leads nowhere")
    check((library / "DEBIAN/shlibs").read_text().startswith("libvigil-client 0 libvigil-client0"),
          "shlibs")
    check((dev / "usr/include/vigil_client.h").read_text()
          == (vigil.ROOT / "client/vigil_client.h").read_text(), "the header")


def systemd_says_what_the_docs_say():
    if not shutil.which("systemd-analyze"):
        print("     systemd-analyze is not installed: the unit is not looked at")
        return
    said = run("systemd-analyze", "security", "--offline=true", "--threshold=15", SERVICE)
    figure = re.search(r"exposure level for vigil.service: ([\d.]+)", said).group(1)
    for page in ("docs/deploy.md", "docs/http.md"):
        check(f"exposure {figure} of 10" in (vigil.ROOT / page).read_text(),
              f"{page} does not say that the exposure is {figure} of 10")


def the_container_asks_whether_the_process_lives():
    with vigil.MockBroker("vitals.raw:1") as broker, \
            vigil.Pipeline(vigil.sedation_config(broker.bootstrap, http=settings())) as pipeline, \
            Live(pipeline) as live:
        port = live.wait_line(b"listens at ").rsplit(b":", 1)[1].strip().decode()
        run(HEALTHCHECK, port)
        live.stop()
        run(HEALTHCHECK, port, expect=1)


# ---- in a clean Debian ----

def as_user(*command, broker, user="vigil"):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "env",
            "-C", "/var/lib/vigil", f"KAFKA_BROKERS={broker.bootstrap}", *command]


def runs(root, broker, command, user="vigil"):
    """Starts it as its user and in its folder, until it is there and answers; stops it in good order."""
    process = root.start(*as_user(*command, broker=broker, user=user))
    try:
        vigil.read_line(process.stderr, until=b" runs: ")
        run(HEALTHCHECK)
        tell(process, "vigil", signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        check(process.returncode == 0, said.decode())
    finally:
        process.kill()
        process.wait()


def runs_as_the_unit_says(root, broker):
    command = re.search(r"^ExecStart=(.*)$", (root / "lib/systemd/system/vigil.service").read_text(),
                        re.M).group(1)
    runs(root, broker, command.split())
    data = root / "var/lib/vigil"
    check((data / "outbox.db").exists(), "no outbox")
    user = (root / "etc/passwd").read_text()
    uid = int(re.search(r"^vigil:[^:]*:(\d+):", user, re.M).group(1))
    foreign = [p for p in (data, *data.rglob("*")) if p.stat().st_uid != uid]
    check(uid > 0 and not foreign, f"{foreign} are not vigil's")
    check(data.stat().st_mode & 0o777 == 0o700, "others can look into /var/lib/vigil")


def enable_and_see(root):
    wanted = root / "etc/systemd/system/multi-user.target.wants/vigil.service"
    check(not wanted.is_symlink(), "an installation enables the service")
    root.run("systemctl", "enable", "vigil.service")
    check(wanted.is_symlink(), "systemctl enable does nothing")
    root.run("systemd-analyze", "verify", "--man=no", "vigil.service")


def install(root, files):
    for file in files.values():
        shutil.copy(file, root / "packages")
    root.run("apt-get", "install", "-q", "-y", "--no-install-recommends",
             *(f"/packages/{file.name}" for file in files.values()))


def upgrade_keeps_what_the_administrator_wrote(root, files):
    config = root / "etc/vigil/vigil.yaml"
    mine = "snapshot: {every: 7s}"
    config.write_text(config.read_text().replace("  http:", f"  {mine}\n  http:", 1))
    before = config.read_text(), sorted(p.name for p in (root / "var/lib/vigil").iterdir())
    install(root, files)
    check("0.1.0-2" in root.run("dpkg-query", "-W", "vigil"), "not upgraded")
    after = config.read_text(), sorted(p.name for p in (root / "var/lib/vigil").iterdir())
    check(mine in after[0] and before == after, "an upgrade changed what is not its own")


def remove_and_purge(root):
    wanted = root / "etc/systemd/system/multi-user.target.wants/vigil.service"
    check(wanted.is_symlink(), "an upgrade disabled the service")
    root.run("apt-get", "remove", "-q", "-y", "vigil")
    check(not (root / "usr/bin/vigil").exists() and (root / "etc/vigil/vigil.yaml").exists(),
          "a removal leaves the program or takes the configuration")
    said = root.run("apt-get", "purge", "-q", "-y", *PACKAGES)
    check(not (root / "etc/vigil").exists() and not wanted.is_symlink(), "a purge leaves something")
    check((root / "var/lib/vigil/outbox.db").exists() and "stay in /var/lib/vigil" in said,
          "records of a ward were removed, or nobody was told that they were not")


def clean_root(*packages):
    """None, with the reason printed, where there is none to be had."""
    if not LONG:
        print("     only with VIGIL_LONG=1")
        return None
    try:
        return Root(*packages)
    except Unavailable as why:
        print(f"     SKIP: {why}")
        return None


def a_clean_debian_installs_runs_upgrades_removes_and_purges():
    root = clean_root("systemd")
    if not root:
        return
    with root, vigil.MockBroker("vitals.raw:2") as broker:
        (root / "packages").mkdir()
        root.run("apt-get", "update", "-q")
        install(root, packages(FOLDER))
        enable_and_see(root)
        root.run(*as_user("vigil", "validate", "--env", "/etc/vigil/vigil.yaml", broker=broker))
        runs_as_the_unit_says(root, broker)
        upgrade_keeps_what_the_administrator_wrote(root, packages(FOLDER, revision=2))
        runs_as_the_unit_says(root, broker)
        remove_and_purge(root)
        install(root, packages(FOLDER, revision=2))
        runs_as_the_unit_says(root, broker)


# ---- under a systemd of its own ----

# Each step prints its name when it has succeeded; what the service said follows.
UNDER_SYSTEMD = """
step() { name=$1; shift; "$@" && echo "$name: done"; }
step start systemctl start vigil
step answer vigil-healthcheck
step reload systemctl reload vigil
step active systemctl is-active vigil
systemctl show vigil -p NRestarts
step stop systemctl stop vigil
systemctl show vigil -p Result
journalctl -u vigil --no-pager
"""


def the_unit_starts_in_its_sandbox_is_reloaded_and_stops():
    root = clean_root("systemd", "systemd-sysv", "dbus")
    if not root:
        return
    with root, vigil.MockBroker("vitals.raw:2") as broker:
        (root / "packages").mkdir()
        root.run("apt-get", "update", "-q")
        install(root, {"vigil": packages(FOLDER)["vigil"]})
        root.write("/etc/default/vigil", f"KAFKA_BROKERS={broker.bootstrap}\n")
        root.write("/usr/local/bin/vigil-healthcheck", HEALTHCHECK.read_text(), 0o755)
        try:
            said = root.boot(UNDER_SYSTEMD)
        except Unavailable as why:
            print(f"     SKIP: {why}")
            return
        for step in ("start", "answer", "reload", "active", "stop"):
            check(f"{step}: done" in said, f"{step} failed: {said}")
        check("NRestarts=0" in said and "Result=success" in said and " error " not in said, said)


# ---- what the container file does, without a container ----

def last_stage():
    """{instruction: its texts, in their order} of the stage that becomes the image."""
    text = re.sub(r"\\\n", " ", CONTAINERFILE.read_text())
    stage = {}
    for line in text[text.rindex("\nFROM "):].splitlines():
        word, _, rest = line.partition(" ")
        if word.isupper():
            stage.setdefault(word, []).append(rest)
    return stage


def the_steps_of_the_container_file_make_a_root_that_runs():
    root = clean_root()
    if not root:
        return
    stage = last_stage()
    with root, vigil.MockBroker("vitals.raw:2") as broker:
        (root / "packages").mkdir()
        shutil.copy(packages(FOLDER)["vigil"], root / "packages")
        for step in stage["RUN"]:
            root.run("sh", "-c", re.sub(r"--mount=\S+", "", step))
        for copied in stage["COPY"]:
            shutil.copy(vigil.ROOT / copied.split()[0], root / copied.split()[1])
        user = stage["USER"][0].split(":")[0]
        # A volume of Kubernetes belongs to root and to the group of the pod.
        root.run("chown", f"root:{user}", "/var/lib/vigil")
        root.run("chmod", "2775", "/var/lib/vigil")
        command = json.loads(stage["ENTRYPOINT"][0]) + json.loads(stage["CMD"][0])
        runs(root, broker, command, user)
        probe = json.loads(stage["HEALTHCHECK"][0].split(" CMD ")[1])
        check("/livez" in (root / "usr/local/bin" / probe[0]).read_text(), f"{probe} asks nothing")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        FOLDER = pathlib.Path(name)
        vigil.main(what_is_installed_is_what_a_service_needs,
                   the_program_of_the_package_takes_every_configuration_of_the_package,
                   the_library_of_one_package_is_what_the_other_one_links, lintian_finds_nothing,
                   systemd_says_what_the_docs_say, the_container_asks_whether_the_process_lives,
                   a_clean_debian_installs_runs_upgrades_removes_and_purges,
                   the_unit_starts_in_its_sandbox_is_reloaded_and_stops,
                   the_steps_of_the_container_file_make_a_root_that_runs)
