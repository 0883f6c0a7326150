package dev.gyre.deploy.job;

import static dev.gyre.partitioning.job.Key.number;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.plan.Rates;

/**
 * A kind of host to plan for.
 *
 * @param count hosts of this kind; 0 for as many as the workers need
 * @param cores of one host
 * @param memoryBytes of one host, shared by its ranks
 * @param matmul FLOP/s of one core, large matmuls in the compute dtype
 * @param attention FLOP/s of one core, causal attention
 * @param link bytes/s that each rank sends while all ranks send
 * @param ranks on one host
 */
record PlannedHost(
    int count, int cores, long memoryBytes, long matmul, long attention, long link, int ranks) {
  private static final NumberRange COUNT = NumberRange.whole(0, 1 << 16);
  private static final NumberRange CORES = NumberRange.whole(1, 1 << 16);
  private static final NumberRange AMOUNT = NumberRange.whole(1, (long) Rates.PER_SECOND.most());

  /** The keys of both forms of the option. */
  static final Key KEYS =
      Key.section(
          "",
          "A kind of host.",
          number("count", "0", COUNT, "Hosts of this kind; 0: as many as the workers need."),
          number("cores", null, CORES, "Cores of a host."),
          number("memory", null, AMOUNT, "Memory of a host in bytes, shared by its ranks."),
          number("matmul", null, AMOUNT, "FLOP/s of a core, large matmuls in the compute dtype."),
          number("attention", null, AMOUNT, "FLOP/s of a core, causal attention."),
          number("link", null, AMOUNT, "Bytes/s that each rank sends while all ranks send."),
          number("ranks", "1", CORES, "Ranks on a host."));

  static PlannedHost of(JobValues values) {
    return new PlannedHost(
        values.count("count"),
        values.count("cores"),
        values.amount("memory"),
        values.amount("matmul"),
        values.amount("attention"),
        values.amount("link"),
        values.count("ranks"));
  }
}
