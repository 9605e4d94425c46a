/**
 * Gives each job one of the machines that are equally good for it, so that the busiest has as few as can be: N jobs
 * that may go to N machines use all of them. Earlier machines are preferred among equals.
 * @param options indexes of machines for each job, in the order of preference; at least one.
 * @returns the machine of each job.
 */
export function balance(options: readonly (readonly number[])[]): readonly number[] {
  const assigned = new Map<number, number[]>();
  const machineOf: number[] = Array.from(options, () => -1);
  const assign = (job: number, machine: number): void => {
    assigned.set(machine, [...(assigned.get(machine) ?? []), job]);
    machineOf[job] = machine;
  };
  /** Kuhn's augmenting paths: a machine that is full gives a job to another if that one finds room. */
  const place = (job: number, capacity: number, seen: Set<number>): boolean => {
    for (const machine of options[job] ?? []) {
      if (seen.has(machine)) continue;
      seen.add(machine);
      const jobs = assigned.get(machine) ?? [];
      if (jobs.length >= capacity) {
        const moved = jobs.find((other) => place(other, capacity, seen));
        if (moved === undefined) continue;
        assigned.set(
          machine,
          (assigned.get(machine) ?? []).filter((other) => other !== moved),
        );
      }
      assign(job, machine);
      return true;
    }
    return false;
  };
  let waiting = options.flatMap((machines, job) => (machines.length > 0 ? [job] : []));
  for (let capacity = 1; waiting.length > 0; capacity++)
    waiting = waiting.filter((job) => !place(job, capacity, new Set()));
  return machineOf;
}
