"""README's section on production, run as it is printed in a clean Debian, in a network of its own.

What is not there in a folder stands aside: `make build` (the program was built already) and systemd, whose unit's
own command and environment are run instead.
"""

import contextlib
import os
import re
import shlex
import subprocess
import unittest

from programs import BINARY, DEPLOY, REPOSITORY, Folder, tool
from test_image import debian_tar

SYSTEMCTL = r"""#!/bin/bash
set -e
case "$*" in
  daemon-reload) ;;
  "enable --now pacioli")
    unit=/etc/systemd/system/pacioli.service
    mkdir -p /var/lib/pacioli
    while read -r line; do export "${line#Environment=}"; done < <(grep ^Environment= $unit)
    set -a; . /etc/pacioli/secrets.env; set +a
    cd "$(sed -n 's/^WorkingDirectory=//p' $unit)"
    setsid $(sed -n 's/^ExecStart=//p' $unit) >/var/log/pacioli.log 2>&1 &
    for _ in $(seq 300); do pacioli health 2>/dev/null && exit 0; sleep 0.1; done
    cat /var/log/pacioli.log; exit 1 ;;
  "restart nginx") nginx ;;
  *) echo "systemctl $*: not known to the test" >&2; exit 1 ;;
esac
"""


class Production(unittest.TestCase):
    def test_it_works_as_printed_on_a_clean_debian(self):
        if os.geteuid() != 0:
            tool("root's rights, for changing the root folder,")
        section = (REPOSITORY / "README.md").read_text().split("## In production", 1)[1]
        block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
        first, rest = block.split("\n", 1)
        with contextlib.closing(Folder()) as folder:
            root = folder.path / "root"
            root.mkdir()
            subprocess.run(["tar", "-xf", debian_tar(), "-C", root], check=True)
            subprocess.run(["cp", "/etc/resolv.conf", root / "etc/resolv.conf"], check=True)
            subprocess.run(["cp", "-r", DEPLOY, root / "deploy"], check=True)
            built = root / "root/.cache/pacioli/target/release"
            built.mkdir(parents=True)
            subprocess.run([tool("strip"), "-o", built / "pacioli", BINARY], check=True)
            self.run_in(root, first, [])
            for name, text in {"make": "#!/bin/sh\n[ \"$*\" = build ]\n", "systemctl": SYSTEMCTL}.items():
                path = root / "usr/local/bin" / name
                path.write_text(text)
                path.chmod(0o755)
            more = 'set -e\n' + rest + '\necho; curl -s -o /dev/null -w "%{http_code} %{redirect_url}\\n" http://localhost/; ls -l /var/lib/pacioli'
            said = self.run_in(root, more, ["--net"], before="ip link set lo up && ")
            self.assertIn('{"status":"ok"}', said)
            self.assertIn("308 https://localhost/", said)
            self.assertIn("pacioli.db", said)

    def run_in(self, root, commands, isolation, before=""):
        script = (
            f"{before}mount -t proc proc {root}/proc && mount --bind /dev {root}/dev && "
            f"exec chroot {root} env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "
            f"DEBIAN_FRONTEND=noninteractive bash -c {shlex.quote(commands)}"
        )
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", *isolation, "bash", "-c", script],
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-5000:])
        return done.stdout


if __name__ == "__main__":
    unittest.main()
