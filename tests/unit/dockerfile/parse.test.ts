import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";
import { AnyarchError } from "../../../src/errors/error.ts";

const failureOf = (text: string): string => {
  try {
    parseDockerfile(text);
  } catch (error) {
    if (error instanceof AnyarchError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "";
};

describe("parseDockerfile", () => {
  it("groups instructions into stages, names in lower case", () => {
    const file = parseDockerfile(
      "ARG V=1\nfrom --platform=$BUILDPLATFORM golang:${V} as Build\nrun go build\nFROM build\nCOPY --from=0 /a /b\n",
    );
    expect(file.globalArgs.map(({ text }) => text)).toEqual(["V=1"]);
    expect(file.stages.map(({ name, base, platform }) => [name, base, platform])).toEqual([
      ["build", "golang:${V}", "$BUILDPLATFORM"],
      [undefined, "build", undefined],
    ]);
    expect(file.stages[0]?.instructions).toMatchObject([{ keyword: "RUN", text: "go build", line: 3 }]);
    expect(file.stages[1]?.instructions[0]?.flags).toEqual([{ name: "from", value: "0" }]);
  });

  it("joins continuations over comments and empty lines and knows each part's line", () => {
    const file = parseDockerfile("FROM a\nRUN one && \\\n  # why\n\n  two && \\\n  three\nCMD x\n");
    const [run, cmd] = file.stages[0]?.instructions ?? [];
    expect(run?.text).toBe("one &&   two &&   three");
    expect([run?.line, run?.endLine, cmd?.line]).toEqual([2, 6, 7]);
    expect(run?.lineStarts?.map(({ line }) => line)).toEqual([2, 5, 6]);
    expect(run?.text.slice(run.lineStarts?.[2]?.at)).toBe("  three");
  });

  it("keeps offsets right where the keyword's flags are on lines of their own", () => {
    const file = parseDockerfile(
      "FROM a\nRUN --mount=type=cache,target=/c \\\n    --network=none \\\n    make \\\n    all\n",
    );
    const run = file.stages[0]?.instructions[0];
    expect(run?.flags.map(({ name }) => name)).toEqual(["mount", "network"]);
    expect(run?.text).toMatch(/^make +all$/);
    expect(run?.lineStarts).toEqual([
      { at: 0, line: 4 },
      { at: 5, line: 5 },
    ]);
  });

  it("reads here-documents, several, quoted and with tabs", () => {
    const file = parseDockerfile(
      'FROM a\nRUN <<EOF bash\necho $A\nEOF\nCOPY <<-"X" <<Y /t/\n\thello\n\tX\nRUN no\nY\nRUN echo $((1<<2))\n',
    );
    const [run, copy, last] = file.stages[0]?.instructions ?? [];
    expect(run?.heredocs).toEqual([{ name: "EOF", body: "echo $A\n", expand: true, line: 3 }]);
    expect(run?.endLine).toBe(4);
    expect(copy?.heredocs.map(({ body, expand }) => [body, expand])).toEqual([
      ["hello\n", false],
      ["RUN no\n", true],
    ]);
    expect(last?.heredocs).toEqual([]);
  });

  it("follows the escape directive, CRLF and a byte order mark", () => {
    const file = parseDockerfile("\ufeff# escape=`\r\nFROM a\r\nRUN dir C:\\ `\r\n  && echo\r\n");
    expect(file.directives).toEqual({ escape: "`" });
    expect(file.stages[0]?.instructions[0]?.text).toBe("dir C:\\   && echo");
  });

  it("takes a doubled escape at the end for no continuation", () => {
    const file = parseDockerfile("FROM a\nRUN echo \\\\\nRUN two\n");
    expect(file.stages[0]?.instructions).toHaveLength(2);
  });

  it.each([
    ["", "Line 1"],
    ["ARG A\n", "no FROM"],
    ["RUN x\nFROM a\n", "Line 1"],
    ["FROM a\nFRUN x\n", 'Line 2: "FRUN"'],
    ["FROM a\n\nCMD\n", "Line 3: CMD has no argument"],
    ["FROM a\n\\\n", 'Line 2: "" is no instruction'],
    ["FROM a\nCOPY x\n", "Line 2: COPY needs"],
    ["FROM a\nARG =1\n", "Line 2"],
    ["FROM a AS\n", "Line 1"],
    ["FROM a b c d\n", "Line 1"],
    ["FROM a AS 1x\n", "1x"],
    ["FROM a\nRUN <<EOF\nx\n", "Line 2: the here-document <<EOF"],
    ["# escape=x\nFROM a\n", "Line 1"],
  ])("refuses %j", (text, part) => {
    expect(failureOf(text)).toContain("DOCKERFILE_INVALID");
    expect(failureOf(text)).toContain(part);
  });

  it("never fails with anything but DOCKERFILE_INVALID", () => {
    const piece = fc.constantFrom(
      "FROM",
      " ",
      "a",
      "\n",
      "\\\n",
      "RUN ",
      "<<EOF",
      "EOF",
      "#",
      "ARG ",
      "=",
      '"',
      "'",
      "--",
      "$",
      "{",
      "`",
      "\r\n",
      "[",
      "\t",
      "AS",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const message = failureOf(pieces.join(""));
        expect(message === "" || message.startsWith("DOCKERFILE_INVALID")).toBe(true);
      }),
    );
  });
});
