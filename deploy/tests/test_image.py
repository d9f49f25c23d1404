"""The image is built, and what comes out of it serves: not as root, on a root file system that is read-only."""

import json
import os
import pathlib
import subprocess
import unittest

from programs import BINARY, DEPLOY, REPOSITORY, SALES, TOOLS, Client, Folder, Program, free_port, is_open, tool, wait_until

IMAGES = TOOLS / "images"
BASE = "docker.io/library/debian:bookworm-slim"


def buildah(*arguments):
    store = ["--storage-driver", "vfs", "--root", IMAGES / "store", "--runroot", IMAGES / "run"]
    command = [tool("buildah"), *store, *arguments]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"buildah {arguments}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout.strip()


def build(*arguments):
    return buildah("bud", "--isolation", "chroot", "--format", "docker", "--pull-never", "--quiet", *arguments)


def debian_tar():
    """A small Debian, made of its packages once."""
    tar = IMAGES / "debian-bookworm-slim.tar"
    if not tar.exists():
        IMAGES.mkdir(parents=True, exist_ok=True)
        part = tar.with_suffix(".part.tar")
        subprocess.run([tool("mmdebstrap"), "--quiet", "--variant=minbase", "bookworm", part], check=True)
        part.rename(tar)
    return tar


def base():
    """Debian's slim image as its packages make it, for no registry of images needs to answer here."""
    tar = debian_tar()
    if BASE not in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        recipe = IMAGES / "Containerfile"
        recipe.write_text(f"FROM scratch\nADD {tar.name} /\nCMD [\"bash\"]\n")
        build("--tag", BASE, "--file", recipe, IMAGES)


def setUpModule():
    global folder, config, root
    if os.geteuid() != 0:
        tool("root's rights, for building an image by chroot,")
    folder = Folder()
    unittest.addModuleCleanup(folder.close)
    base()
    # All but the base, which the next run needs too.
    unittest.addModuleCleanup(buildah, "rmi", "--prune", "--force")
    unittest.addModuleCleanup(buildah, "rmi", "--force", "pacioli", "pacioli-runtime")
    build("--target", "runtime", "--tag", "pacioli-runtime", "--file", DEPLOY / "docker/Dockerfile", REPOSITORY)
    # The last stage, with the program that was built already.
    program = folder.path / "pacioli"
    subprocess.run([tool("strip"), "-o", program, BINARY], check=True)
    (folder.path / "Containerfile").write_text("FROM pacioli-runtime\nCOPY pacioli /usr/local/bin/pacioli\n")
    build("--tag", "pacioli", "--file", folder.path / "Containerfile", folder.path)
    program.unlink()
    container = buildah("from", "--pull-never", "pacioli")
    unittest.addModuleCleanup(buildah, "rm", container)
    config = json.loads(buildah("inspect", "--type", "image", "pacioli"))["Docker"]["config"]
    root = buildah("mount", container)
    (folder.path / "data").mkdir()
    os.chown(folder.path / "data", 10001, 10001)


def contained(name, arguments, **environment):
    """Runs in the image as an engine would: its user, its environment, its root read-only, its volume."""
    user = config["User"]
    surroundings = dict(pair.split("=", 1) for pair in config["Env"]) | environment
    script = (
        f"mount --bind {root} {root} && mount -o remount,bind,ro {root} && mount --bind {folder.path}/data {root}/data"
        f" && mount -t proc proc {root}/proc && mount --bind /dev {root}/dev"
        f" && exec chroot --userspec={user} {root} env -i -C {config['WorkingDir']} "
        + " ".join(f"'{name}={value}'" for name, value in surroundings.items()) + " " + " ".join(arguments)
    )
    return Program(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script], folder.path, name)


class Image(unittest.TestCase):
    def test_it_says_what_it_is_and_is_not_root(self):
        self.assertEqual(config["User"], "10001:10001")
        self.assertEqual(config["Entrypoint"], ["pacioli"])
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "pacioli", "health"])
        self.assertEqual(config["Labels"]["org.opencontainers.image.licenses"], "Apache-2.0")
        self.assertEqual(list(config["Volumes"]), ["/data"])
        size = sum(path.lstat().st_size for path in pathlib.Path(root).rglob("*") if not path.is_symlink())
        print(f"the image's files: {size >> 20} MB, of which the program is "
              f"{os.stat(root + '/usr/local/bin/pacioli').st_size >> 20} MB (a debug build)")

    def test_it_serves_read_only_and_keeps_its_data(self):
        port = free_port()
        where = {"PACIOLI_SERVER__LISTEN": f"127.0.0.1:{port}", "PACIOLI_SERVER__METRICS_LISTEN": f"127.0.0.1:{free_port()}"}
        command = config["Entrypoint"] + config["Cmd"]
        health = config["Healthcheck"]["Test"][1:]
        self.assertNotEqual(contained("early", health, **where).process.wait(30), 0)
        server = folder.run(contained("first", command, **where))
        wait_until(lambda: is_open(port) or server.process.poll() is not None, what="the server")
        self.assertIsNone(server.process.poll(), server.text())
        client = Client(f"http://127.0.0.1:{port}").sign_up()
        client.upload("sales.csv", SALES)
        answer = client.ask("total revenue").json
        self.assertEqual(float(answer["rows"][0][0]), 273.75, answer)
        check = contained("health", health, **where)
        self.assertEqual(check.process.wait(30), 0, check.text())
        write = contained("write", ["touch", "/usr/local/bin/x", "/x", "/tmp/x"])
        self.assertNotEqual(write.process.wait(30), 0)
        self.assertEqual(write.text().count("Read-only file system"), 3, write.text())
        who = contained("who", ["id", "-u"])
        who.process.wait(30)
        self.assertEqual(who.text().strip(), "10001")
        stop(server)
        self.assertIn("server.stopped", server.text())
        server = folder.run(contained("second", command, **where))
        self.addCleanup(stop, server)
        wait_until(lambda: is_open(port), what="the server again")
        self.assertEqual(client.ask("total revenue").json["rows"], answer["rows"])


def stop(server):
    """Its first process, of the name space that `unshare` made, would outlive that one."""
    for process in children(server.process.pid):
        os.kill(process, 15)
    server.process.wait(60)


def children(process):
    """Processes that one started itself."""
    with open(f"/proc/{process}/task/{process}/children") as listed:
        return [int(word) for word in listed.read().split()]


if __name__ == "__main__":
    unittest.main()
