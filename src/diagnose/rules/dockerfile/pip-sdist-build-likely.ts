import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { usesOf } from "../../dockerfile/uses.ts";

/** Packages without wheels for Linux on arm64, or without any. */
const compiled =
  /^(?:mysqlclient|psycopg2|python-ldap|uwsgi|dlib|pocketsphinx|pyaudio|pysqlite3|netifaces|cx[-_]oracle|m2crypto|rpi\.gpio|bsddb3|gmpy|pylibmc|systemd-python|pygobject|pycairo|dbus-python|thriftpy|fasttext|hnswlib|detectron2|apex|flash-attn|lightfm|codequery)(?:[=<>~![].*)?$/i;

export const rule: DockerfileRule = {
  id: "pip-sdist-build-likely",
  severity: "info",
  title: "pip probably compiles a package",
  why: "It publishes no wheel for the target (musl and arm are the usual gaps): pip compiles it, slowly under emulation, and fails without compilers.",
  fix: "Look for aarch64 or musllinux wheels; else install gcc g++ make python3-dev libffi-dev libssl-dev in a separate stage and build there (`pip install --no-binary PACKAGE`), or build wheels on native machines.",
  bad: ["FROM python:3.12-slim\nRUN pip install mysqlclient\n"],
  good: [
    "FROM python:3.12-slim\nRUN pip install requests numpy\n",
    "FROM python:3.12-slim\nRUN pip install psycopg2-binary\n",
  ],
  mentions: /pip/,
  check(model, report) {
    for (const { program, args, line } of usesOf(model)) {
      const pip = /^pip[\d.]*$/.test(program)
        ? args
        : program.startsWith("python") && args[1] === "pip"
          ? args.slice(2)
          : [];
      if (!pip.includes("install")) continue;
      const names = pip.filter((word) => compiled.test(word));
      const all = pip.some((word) => word.startsWith("--no-binary"));
      if (names.length === 0 && !all) continue;
      report({
        line,
        message: `${all ? "Everything" : names.join(", ")} is compiled from source on the target's platform.`,
      });
    }
  },
};
