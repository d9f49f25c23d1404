"""What the last release kept is opened by what was built now."""

import contextlib
import pathlib
import shutil
import unittest

import upgrade
from programs import BINARY, Folder


class Upgrade(unittest.TestCase):
    def test_data_of_the_last_release_is_read(self):
        with contextlib.closing(Folder()) as folder:
            shutil.unpack_archive(pathlib.Path(__file__).with_name("kept.tar.gz"), folder.path)
            upgrade.check(BINARY, folder.path / "kept")


if __name__ == "__main__":
    unittest.main()
