/**
 * What is on a terminal of so many columns after a program wrote this: as far as log-update needs it (colours are
 * ignored, the cursor moves, lines are erased and wrapped). Lines that scrolled away are kept. Throws for what it
 * doesn't know.
 */
export function screenOf(output: string, columns: number): readonly string[] {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  const line = (): string[] => (rows[row] ??= []);
  // eslint-disable-next-line no-control-regex
  for (const [token, parameters = "", command] of output.matchAll(/\u001b\[([0-9;?]*)([A-Za-z])|[\s\S]/gu)) {
    const count = Number(parameters || "1");
    if (command === "m" || command === "h" || command === "l") continue;
    else if (command === "A") row = Math.max(0, row - count);
    else if (command === "B") row += count;
    else if (command === "G") column = count - 1;
    else if (command === "K") rows[row] = parameters === "2" || column === 0 ? [] : line().slice(0, column);
    else if (command === "J") rows.length = row + 1;
    else if (command !== undefined || token === "\u001b")
      throw new Error(`unknown: ${JSON.stringify(token)}`);
    else if (token === "\r") column = 0;
    else if (token === "\n") row++;
    else {
      if (column === columns) [row, column] = [row + 1, 0];
      const cells = line();
      while (cells.length < column) cells.push(" ");
      cells[column++] = token;
    }
  }
  return Array.from(rows, (cells) => (cells ?? []).join("").trimEnd());
}
