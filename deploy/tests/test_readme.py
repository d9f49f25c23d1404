"""README's commands, run as they are printed: its calls from nothing to a report on paper, its section on a database
with a PostgreSQL server of the test's own, and its section on production in a clean Debian; each in a network of its
own.

What is not there in a folder stands aside: `make run` and `make build` (the program was built already), `sudo` (the test
is root) and systemd, whose unit's own command and environment are run instead.
"""

import contextlib
import json
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


# What `make run` does once the program is built.
SERVE = r"""
program=~/.cache/pacioli/target/release/pacioli
$program serve >server.log 2>&1 &
for _ in $(seq 300); do $program health 2>/dev/null && break; sleep 0.1; done
"""


# A PostgreSQL server where `psql` looks for one, in a folder that is gone with the test.
POSTGRESQL = r"""
mkdir -p /run/postgresql && mount -t tmpfs -o mode=1777 tmpfs /run/postgresql
programs=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
as() { (cd / && runuser -u postgres -- "$@"); }
as $programs/initdb --no-sync --auth-local=peer --auth-host=scram-sha-256 -D /run/postgresql/data >/dev/null
as $programs/pg_ctl -w -s -D /run/postgresql/data -l /run/postgresql/log \
  -o '-k /run/postgresql -c listen_addresses=127.0.0.1 -c fsync=off' start
sudo() { [ "$1 $2" = '-u postgres' ] && shift 2 && as "$@"; }
"""


def blocks(heading):
    """The commands that README prints under a heading."""
    section = (REPOSITORY / "README.md").read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def isolated(script, *isolation, **more):
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", *isolation, "bash", "-c", script],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, **more,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return done.stdout


class Calls(unittest.TestCase):
    def test_from_nothing_to_a_report_on_paper(self):
        if os.geteuid() != 0:
            tool("root's rights, for a network of one's own,")
        for program in ("curl", "jq", "zip"):
            tool(program)
        five, three = blocks("Five calls")
        with contextlib.closing(Folder()) as folder:
            built = folder.path / ".cache/pacioli/target/release"
            built.mkdir(parents=True)
            (built / "pacioli").symlink_to(BINARY)
            surroundings = {"HOME": str(folder.path), "PATH": os.environ["PATH"]}
            script = f"ip link set lo up; {SERVE}\nset -e\n{five}\n{three}"
            said = isolated(script, "--net", cwd=folder.path, env=surroundings)
            answer = json.loads(said[said.index('{\n  "answer"'):].split("\n}", 1)[0] + "\n}")
            self.assertEqual([float(row[1]) for row in answer["rows"]], [200.5, 73.25])
            self.assertRegex(said, r"event: ?end\ndata: .*succeeded")
            paper = subprocess.run([tool("pdftotext"), "report.pdf", "-"], cwd=folder.path, capture_output=True, text=True)
            self.assertIn("Venetian Trading", paper.stdout, paper.stderr)
            self.assertIn("December 2025", paper.stdout)


class Database(unittest.TestCase):
    def test_a_database_is_connected_as_printed(self):
        if os.geteuid() != 0:
            tool("root's rights, for a network of one's own,")
        for program in ("curl", "jq", "psql", "runuser"):
            tool(program)
        [calls] = blocks("Connect a database")
        first = blocks("Five calls")[0]
        with contextlib.closing(Folder()) as folder:
            built = folder.path / ".cache/pacioli/target/release"
            built.mkdir(parents=True)
            (built / "pacioli").symlink_to(BINARY)
            surroundings = {"HOME": str(folder.path), "PATH": os.environ["PATH"], "PACIOLI_OUTGOING__ALLOW": "127.0.0.1/32"}
            script = f"ip link set lo up; {SERVE}\nset -e\n{POSTGRESQL}\n{first}\necho CONNECTED\n{calls}"
            said = isolated(script, "--net", cwd=folder.path, env=surroundings)
        said = said.split("CONNECTED\n", 1)[1]
        self.assertRegex(said, r"event: ?end\ndata: .*succeeded")
        values = re.findall(r"^[{\[]\n.*?^[}\]]$", said, re.MULTILINE | re.DOTALL)
        by_country, without, counted = map(json.loads, values)
        self.assertEqual(sorted((row[0], float(row[1])) for row in by_country["rows"]), [("Germany", 112.0), ("Italy", 161.75)])
        self.assertIn("JOIN", by_country["sql"])
        self.assertIn("Welser", json.dumps(without["rows"]))
        self.assertEqual(sorted(counted), [["Germany", 2], ["Italy", 1]])


class Production(unittest.TestCase):
    def test_it_works_as_printed_on_a_clean_debian(self):
        if os.geteuid() != 0:
            tool("root's rights, for changing the root folder,")
        [block] = blocks("In production")
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
        return isolated(script, *isolation)


if __name__ == "__main__":
    unittest.main()
