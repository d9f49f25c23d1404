"""newman runs the collection against the embedded and the full set-up."""

import json
import subprocess
import unittest

from programs import DEPLOY, Folder, FullSetUp, Pacioli, tool


class Collection(unittest.TestCase):
    def run_against(self, url, folder, *more):
        report = folder / "newman.json"
        done = subprocess.run(
            [tool("newman"), "run", DEPLOY / "postman/pacioli.postman_collection.json", "--environment",
             DEPLOY / "postman/pacioli.postman_environment.json", "--env-var", f"base_url={url}",
             # An address that needs no name server; nothing is sent there.
             "--env-var", "webhook_url=https://93.184.216.34/hooks/pacioli", "--working-dir",
             DEPLOY / "postman", "--reporters", "cli,json", "--reporter-json-export", report, *more],
            capture_output=True, text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout[-12000:] + done.stderr[-2000:])
        stats = json.loads(report.read_text())["run"]["stats"]
        self.assertGreaterEqual(stats["assertions"]["total"], 3 * stats["requests"]["total"])
        print(f"newman: {stats['requests']['total']} requests, {stats['assertions']['total']} tests at {url}")

    def test_every_request_against_the_embedded_set_up(self):
        folder = Folder()
        self.addCleanup(folder.close)
        server = folder.run(Pacioli(folder.path, "server", {}))
        self.run_against(server.url, folder.path)

    def test_every_request_against_the_full_set_up(self):
        full = FullSetUp()
        self.addCleanup(full.close)
        self.run_against(full.nginx.url, full.path, "--ssl-extra-ca-certs", full.path / "fullchain.pem")


if __name__ == "__main__":
    unittest.main()
