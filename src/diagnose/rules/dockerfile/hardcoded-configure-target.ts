import { archNames } from "../../dockerfile/arch-names.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "hardcoded-configure-target",
  severity: "error",
  title: "A configure script is given a fixed target",
  why: "It sets compiler options and assembly sources for that architecture: the compile fails on another, or makes the wrong program.",
  fix: "Leave detection to the script (OpenSSL: ./config), or map TARGETARCH to its target names.",
  bad: [
    "FROM debian:12\nRUN ./Configure linux-x86_64 shared && make install\n",
    "FROM debian:12\nRUN ./configure --build=x86_64-linux-gnu --prefix=/usr && make install\n",
  ],
  good: [
    "FROM debian:12\nRUN ./config shared && make install\n",
    'FROM debian:12\nRUN ./configure --build="$(gcc -dumpmachine)" && make\n',
  ],
  mentions: /config/i,
  check(model, report) {
    for (const use of usesOf(model)) {
      const script = [use.program, ...use.args.slice(0, 1)].find((word) =>
        /(?:^|\/)(?:[Cc]onfigure(?:\.sh|\.py)?|config)$/.test(word),
      );
      if (!isNative(use.view) || script === undefined) continue;
      const { architecture } = use.view.scenario.target;
      const word = use.args.find((each, index) => {
        const target = /^(?:--(?:build|host|target)=(\S+)|(linux(?:32|64)?-[\w-]+|BSD-\S+|aix\S*))$/.exec(
          each,
        );
        const follows = /^--(?:build|host|target)$/.test(use.args[index - 1] ?? "");
        const name = target?.[1] ?? target?.[2] ?? (follows ? each : undefined);
        const arch = name === undefined ? undefined : archNames(name)[0]?.arch;
        return arch !== undefined && arch !== architecture;
      });
      if (word === undefined || /none-e(?:abi|lf)/.test(word)) continue;
      report({
        line: lineOfWord(use, new RegExp(word.replaceAll(/\W/g, "."))),
        message: `${word} is configured for every target.`,
        architectures: [architecture],
      });
    }
  },
};
