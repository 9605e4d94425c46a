import { leaveOutPlatform } from "../../log/fix-texts.ts";
import { isNotForAmd64 } from "../../log/log-view.ts";
import type { LogRule } from "../../log/log-rule.ts";

const none = /No matching distribution found for|Could not find a version that satisfies the requirement/;

export const rule: LogRule = {
  code: "python-no-distribution-for-arch",
  title: "A Python package has no file that fits this CPU and Python",
  architecture: true,
  patterns: [
    {
      line: /(?:No matching distribution found for|that satisfies the requirement) \S{1,60}[=<>~!]{1,2}\S{0,30}\+(?:cpu|cu\d+|rocm\S*)/,
      score: 90,
    },
    {
      line: none,
      emulation: "likely",
      nearNot:
        /Name or service not known|Temporary failure|connection (?:broken|error|refused|reset)|NewConnectionError|timed out|SSLError|Requires-Python|requires a different python/i,
      score: 84,
    },
    {
      line: none,
      log: /\b(?:aarch64|armv[67]l|arm64|ppc64le|s390x|riscv64|linux_arm\w*|linux\/arm\S*|musllinux)\b/,
      check: isNotForAmd64,
      nearNot:
        /Name or service not known|Temporary failure|connection (?:broken|error|refused|reset)|NewConnectionError|timed out|SSLError|Requires-Python|requires a different python/i,
      score: 78,
      confidence: "likely",
    },
    {
      line: /(?:that satisfies the requirement|No matching distribution found for) (?:tensorflow|torch|torchvision|torchaudio|onnxruntime|tflite-runtime|jaxlib|faiss|mediapipe|open3d|pyqt\d|pyside\d|xgboost|polars|triton|bitsandbytes|ray|nvidia-|intel-|mkl|tensorrt|decord|vtk|pymssql|ibm-db|cx-oracle)\S*/i,
      check: isNotForAmd64,
      logNot: /linux_x86_64|x86_64|Requires-Python|requires a different python/,
      score: 66,
      confidence: "possible",
    },
    {
      line: /has no (?:wheels|usable wheels|source distribution).{0,120}(?:platform|tag)|doesn't have a (?:source distribution or wheel|wheel) for the current platform|no wheels with a matching (?:platform|Python ABI) tag|has no wheels with a matching/i,
      score: 90,
    },
    // A wheel of another CPU beside it tells which CPU this is.
    { line: none, log: /\.whl is not a supported wheel on this platform/, score: 84 },
    { line: /Unable to find installation candidates for/, emulation: "likely", score: 84 },
    { line: /Unable to find installation candidates for/, score: 62, confidence: "possible" },
    {
      line: /PackagesNotFoundError|ResolvePackageNotFound|does not exist \(perhaps a typo or a missing channel\)|Could not solve for environment specs|nothing provides .{0,80}needed by|LibMambaUnsatisfiableError/,
      log: /linux-(?:aarch64|armv7l|ppc64le|s390x)|\baarch64\b/,
      score: 84,
    },
    {
      line: /PackagesNotFoundError|ResolvePackageNotFound|does not exist \(perhaps a typo or a missing channel\)|Could not solve for environment specs|LibMambaUnsatisfiableError|No candidate is found for [`']\S{1,80}[`'] that matches the environment/,
      emulation: "likely",
      score: 80,
      confidence: "likely",
    },
    {
      line: /ResolutionImpossible|conflicting dependencies/,
      near: /aarch64|armv7l|no matching distribution/i,
      emulation: "likely",
      score: 76,
      confidence: "likely",
    },
  ],
  above: ["generic-user-error", "package-arch-mismatch"],
  why: "pip takes a wheel only if its tags name this CPU, libc and Python version; this version of the package was published without one (and without sources that could be used). On amd64 there is one.",
  fixes: [
    {
      title: "See what exists",
      detail:
        "pip index versions NAME, and the file list of that version in the index: look for manylinux…_aarch64 (or armv7l; musllinux on Alpine). `anyarch build --dry-run` prints the table for all platforms.",
    },
    {
      title: "Pin a version that has wheels for this CPU, or another Python version",
      detail:
        "Newer versions often do. Leave out suffixes such as +cpu that exist for x86 only:\ntorch==2.3.1; platform_machine == 'aarch64'\ntorch==2.3.1+cpu; platform_machine == 'x86_64'",
    },
    {
      title: "Use a glibc base instead of Alpine",
      detail: "Many packages have manylinux wheels but no musllinux ones: python:3.12-slim.",
    },
    leaveOutPlatform,
  ],
  references: [],
  bad: [
    "#8 [linux/arm64 3/4] RUN conda env create -f environment.yml\n#8 22.0 ResolvePackageNotFound:\n#8 22.0   - mkl=2021.4.0",

    '#10 [linux/arm64 app 4/6] RUN pip install -r requirements.txt\n#10 4.1 ERROR: Could not find a version that satisfies the requirement libfoo-native==1.2 (from versions: none)\n#10 4.1 ERROR: No matching distribution found for libfoo-native==1.2\n#10 ERROR: process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1',
    "error: Distribution `tool==1.0 @ registry+https://example.com/simple` can't be installed because it doesn't have a source distribution or wheel for the current platform",
  ],
  good: [
    "#9 [linux/amd64 5/5] RUN pip install torch==99\n#9 1.1 ERROR: Could not find a version that satisfies the requirement torch==99 (from versions: 2.0.0, 2.1.0)",

    '#11 [linux/amd64 3/3] RUN pip install misspelt==9\n#11 1.2 ERROR: Could not find a version that satisfies the requirement misspelt==9 (from versions: none)\n#11 ERROR: process "/bin/sh -c pip install misspelt==9" did not complete successfully: exit code: 1\n#12 [linux/arm64 3/3] RUN pip install misspelt==9\n#12 CANCELED',
    "#6 [3/4] RUN pip install flsk\n#6 2.0 ERROR: Could not find a version that satisfies the requirement flsk (from versions: none)\n#6 2.0 ERROR: No matching distribution found for flsk",
  ],
};
