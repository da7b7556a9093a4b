#!/usr/bin/env python3
"""The checks find what they are for, and leave the rest alone."""
import pathlib
import tempfile
import unittest

import check_docs
import check_layers
import check_sizes
import check_words
import pins
import setup
from cpp_text import ROOT, code_of

SOURCE = ROOT / "src" / "net" / "some.cc"


def found(code, path=SOURCE):
    return [finding.what.split(" is banned")[0] for finding in check_words.words(path, code_of(code))]


class CodeOf(unittest.TestCase):
    def test_blanks_comments_and_literals_and_keeps_lines(self):
        text = 'int a = 1\'000; // throw\nauto s = "throw \\" {"; /* new\n */ char c = \'{\'; auto r = R"x(" throw)x";\n'
        code = code_of(text)
        self.assertEqual((len(code), code.count("\n")), (len(text), text.count("\n")))
        for word in ("throw", "new", "{"):
            self.assertNotIn(word, code)
        self.assertIn("1'000;", code)


class Functions(unittest.TestCase):
    def names(self, text):
        return [(name, last - first + 1) for name, first, last in check_sizes.functions(code_of(text))]

    def test_finds_functions_and_their_lengths(self):
        self.assertEqual(self.names("namespace a {\nclass B {\n int F() const {\n  return 1;\n }\n};\n}\n"), [("F", 3)])
        self.assertEqual(self.names("int G(int a,\n      int b) {\n  if (a) {\n  }\n}\n"), [("G", 5)])
        self.assertEqual(self.names("TEST(Log, Works) {\n}\n"), [("Log.Works", 2)])

    def test_sees_through_constructors_lambdas_and_tables(self):
        self.assertEqual(self.names("X::X(int a)\n    : a_{a}, b_(F({1})) {\n}\nint H() { return 1; }\n"),
                         [("X::X", 3), ("H", 1)])
        self.assertEqual(self.names("const int kTable[] = {\n 1,\n};\nstruct S {\n  int a{1};\n  int F() {\n  }\n};\n"),
                         [("F", 2)])
        self.assertEqual(self.names("void F() {\n  auto g = [&] {\n    G();\n  };\n}\n"), [("F", 5)])

    def test_leaves_macros_alone(self):
        self.assertEqual(self.names("#define M(x) \\\n  do { \\\n } while (false)\nint F() { return 1; }\n"), [("F", 1)])


class Words(unittest.TestCase):
    def test_banned_words_are_found(self):
        self.assertEqual(found("throw 1;"), ["throw"])
        self.assertEqual(found("auto* x = new X;"), ["new"])
        self.assertEqual(found("delete x;"), ["delete"])
        self.assertEqual(found("assert(x);"), ["assert"])
        self.assertEqual(found("std::thread t; std::stoi(s);"), ["std::thread", "stoi"])

    def test_look_alikes_are_not(self):
        self.assertEqual(found("X(const X&) = delete; static_assert(true);"), [])
        self.assertEqual(found("return std::unique_ptr<X>(new X(1));"), [])
        self.assertEqual(found("int renewed, brand(int); std::thread::id me; // throw"), [])

    def test_places_have_their_own_rules(self):
        self.assertEqual(found("fdatasync(fd);", ROOT / "src" / "io" / "durable.cc"), [])
        self.assertEqual(found("fdatasync(fd);"), ["fsync"])
        self.assertEqual(found("sleep_for(1ms);"), [])
        self.assertEqual(found("sleep_for(1ms);", ROOT / "src" / "net" / "some_test.cc"), ["sleep_for"])


class Layers(unittest.TestCase):
    def test_arrows_go_up_only(self):
        folders = {"base": {"base"}, "wire": {"base", "wire"}}
        header = next((ROOT / "src" / "base").glob("*.h")).name
        self.assertIsNone(check_layers.own_include(SOURCE, "wire", folders, f"base/{header}"))
        self.assertIn("may not include", check_layers.own_include(SOURCE, "net", folders, f"base/{header}"))
        self.assertIn("not a path from src/", check_layers.own_include(SOURCE, "wire", folders, header))

    def test_fences_hold(self):
        self.assertIsNone(check_layers.library("store", {"duckdb": {"store"}}, "duckdb.h"))
        self.assertIn("fenced off", check_layers.library("query", {"duckdb": {"store"}}, "duckdb.h"))


class Docs(unittest.TestCase):
    def test_dead_links_are_found(self):
        with tempfile.TemporaryDirectory(dir=ROOT) as folder:
            page = pathlib.Path(folder, "page.md")
            page.write_text("# A title\n[here](#a-title) [there](../LICENSE) `[x](code)`\n[gone](gone.md) [no](#no)\n")
            self.assertEqual([(finding.line, finding.what.split(":")[0]) for finding in check_docs.links(page)],
                             [(3, "link to gone.md"), (3, "link to #no")])

    def test_tests_that_are_not_there_are_found(self):
        with tempfile.TemporaryDirectory(dir=ROOT) as folder:
            page = pathlib.Path(folder, "page.md")
            page.write_text("`src/verify/proof_test.cc: RootHasher`\n`src/verify/proof_test.cc: NoSuch` `tests/none.py: test`\n")
            self.assertEqual([finding.what for finding in check_docs.named_tests(page)],
                             ["there is no NoSuch in src/verify/proof_test.cc", "there is no test in tests/none.py"])


class Setup(unittest.TestCase):
    def test_another_file_than_the_pinned_one_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.tgz").write_bytes(b"a")
            pin = pins.Pin("npm", "a", "1", "00")
            with self.assertRaisesRegex(setup.Stop, "a.tgz.*\n.*wanted 00\n.*found  ca978112ca1bbdca"):
                setup.verified(pin, pathlib.Path(folder))


if __name__ == "__main__":
    unittest.main()
