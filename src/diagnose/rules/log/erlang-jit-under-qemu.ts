import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const beam = /\b(?:mix|rebar3?|erlc?|elixirc?|iex|hex|escript|erlang|otp)\b/i;

export const rule: LogRule = {
  code: "erlang-jit-under-qemu",
  title: "Erlang's just-in-time compiler crashed under QEMU",
  architecture: true,
  emulated: true,
  patterns: [
    { line: /uncaught target signal (?:4|5|6|11)\b/, command: beam, score: 90 },
    {
      line: /Segmentation fault|Illegal instruction|Aborted|\bexit code: (?:139|134|132)\b|non-zero code: (?:139|134|132)\b/i,
      command: beam,
      emulation: "likely",
      score: 88,
    },
    {
      line: /uncaught target signal|Segmentation fault|Illegal instruction/i,
      near: /erl_child_setup|beam\.smp|BEAM|erts-|\bmix (?:local|deps|compile|release)|start_clean\.|otp_src|rebar3/i,
      emulation: "likely",
      score: 89,
    },
    {
      line: /Runtime terminating during boot|[Cc]rash dump is being written|init terminating in do_boot|Error! Failed to (?:eval|load module)/,
      command: beam,
      emulation: "shown",
      score: 82,
      confidence: "likely",
    },
    // Natively this virtual machine hardly ever crashes.
    {
      line: /Segmentation fault|\b(?:exit code: |exit status |non-zero code: )139\b/i,
      command: beam,
      emulation: "possible",
      score: 80,
      confidence: "likely",
    },
    {
      line: /erl_child_setup|beam\.smp|erts\b.{0,60}(?:fatal|crash|mmap)|Could not (?:allocate|map) .{0,40}JIT|beamasm/i,
      emulation: "shown",
      score: 84,
    },
  ],
  above: ["qemu-sigsegv-signal-11", "qemu-sigill-signal-4", "qemu-sigabrt-signal-6", "gcc-under-qemu"],
  why: "Since OTP 24/25 Erlang compiles its code while it runs and maps that memory twice, once writable and once executable. QEMU's user mode doesn't notice changes through the other mapping and executes old bytes.",
  fixes: [
    {
      title: 'Let Erlang map the code once: ERL_FLAGS="+JPperf true"',
      detail:
        'In the build stage: ENV ERL_FLAGS="+JPperf true" (or "+JMsingle true", OTP 26 and later). Not in the final image: on a real CPU it costs speed for nothing.',
    },
    nativeNode,
    {
      title: "An OTP without the just-in-time compiler",
      detail: "OTP 23 and earlier, or configured with --disable-jit.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/hexpm/bob/issues/117",
    "https://github.com/erlang/docker-erlang-otp/issues/400",
    "https://github.com/erlang/otp/issues/5625",
  ],
  bad: [
    "Set up QEMU\n#9 [linux/arm64 build 4/9] RUN mix local.hex --force\n#9 1.1 Runtime terminating during boot ({badarg,[{erlang,binary_to_atom,[<<>>]}]})\n#9 1.1 Crash dump is being written to: erl_crash.dump...done",

    '#14 [linux/arm64 build 4/12] RUN mix local.hex --force\n#14 1.76 Segmentation fault (core dumped)\n#14 ERROR: process "/bin/sh -c mix local.hex --force" did not complete successfully: exit code: 139',
  ],
  good: [
    '#14 [build 4/12] RUN mix compile\n#14 1.76 ** (CompileError) lib/app.ex:3: undefined function foo/0\n#14 ERROR: process "/bin/sh -c mix compile" did not complete successfully: exit code: 1',
  ],
};
