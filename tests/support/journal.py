"""A systemd-journald of a test's own."""
import pathlib
import shutil
import subprocess

from live import until

JOURNALD = pathlib.Path("/lib/systemd/systemd-journald")


class Journal:
    """A systemd-journald with a /run of its own, which goes with it; or a skip with the reason."""

    def __enter__(self):
        self.process = None
        if not JOURNALD.exists() or not shutil.which("journalctl"):
            print("     no systemd-journald here")
            return None
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /run && "
             f"mkdir -p /run/systemd /run/log/journal && exec {JOURNALD} vigil"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # As others see it: a path through the folder of the process.
        self.socket = pathlib.Path(
            f"/proc/{self.process.pid}/root/run/systemd/journal.vigil/socket")
        until("its socket", lambda: self.socket.exists() or self.process.poll() is not None)
        if self.process.poll() is None:
            return self
        print(f"     no systemd-journald: {self.process.stderr.read().strip()}")
        return None

    def entry(self, *of):
        done = subprocess.run(["nsenter", "--mount", "--target", str(self.process.pid), "journalctl",
                               "--namespace=vigil", "-o", "json", "-t", "vigil", *of],
                              capture_output=True, text=True)
        return done.stdout.splitlines()[:1]

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
