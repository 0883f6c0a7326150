package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.SchedulePass;
import java.util.List;

/**
 * Simulates a schedule as the engine runs it, rank by rank and step by step. A rank enters a step,
 * posts its messages, computes its tiles, and leaves when its messages are complete. A message
 * starts when both ends have posted it. Integer arithmetic, so that ranks with equal rates compute
 * equal times. The cost of a simulation is proportional to tiles and messages.
 */
final class ScheduleClock {
  /** Fixed cost of one synchronisation with other ranks: the time to wake a parked thread. */
  static final long WAIT_NANOS = 50_000;

  /** Posting, matching and completing a transfer: 1.3 µs for 4 KB when both ranks are awake. */
  static final long TRANSFER_NANOS = 2_000;

  /** From one host's memory to another's, through both kernels. */
  static final long NETWORK_LATENCY_NANOS = 50_000;

  /** Scores and weighted sums forward; recomputed scores and four gradients backward. */
  private static final long FORWARD_FLOPS = 4;

  private static final long BACKWARD_FLOPS = 10;

  private static final long NANOS_PER_SECOND = 1_000_000_000;

  /** About twelve days. */
  private static final long MOST_SECONDS = 1_000_000;

  private final Rates rates;
  private final MessageBytes bytes;
  private final long elementsPerPair;
  private final boolean network;

  /**
   * @param rates all known
   * @param bytes with the heads of the Ulysses rank that has most
   * @param network whether payload moves while a rank computes; else the rank copies it itself
   */
  ScheduleClock(Rates rates, MessageBytes bytes, boolean network) {
    this.rates = rates;
    this.bytes = bytes;
    this.network = network;
    elementsPerPair = (long) bytes.queryHeads() * bytes.headDim();
  }

  boolean known() {
    return rates.known();
  }

  /** Microseconds of a layer's forward and backward pass; 0 if a rate is unknown. */
  long micros(AttentionSchedule schedule) {
    if (!rates.known()) {
      return 0;
    }
    return (nanos(schedule.forward(), FORWARD_FLOPS) + nanos(schedule.backward(), BACKWARD_FLOPS))
        / 1000;
  }

  /**
   * Microseconds of messages that do not overlap with compute; 0 if a rate is unknown.
   *
   * @param mostBytes of the rank that sends most
   * @param exchanges number of synchronisations
   */
  long micros(long mostBytes, int exchanges) {
    return rates.known()
        ? (nanos(mostBytes, rates.linkBytesPerSecond()) + exchanges * WAIT_NANOS) / 1000
        : 0;
  }

  private long nanos(List<Program> programs, long flops) {
    int ranks = programs.size();
    int steps = programs.getFirst().steps().size();
    long[] entered = new long[ranks];
    for (int s = 0; s < steps; s++) {
      long[] through = new long[ranks];
      for (int r = 0; r < ranks; r++) {
        through[r] = through(programs.get(r).steps().get(s), r, entered, flops);
      }
      long[] left = new long[ranks];
      for (int r = 0; r < ranks; r++) {
        Step step = programs.get(r).steps().get(s);
        left[r] = through[r];
        for (Message sent : step.sends()) {
          left[r] = Math.max(left[r], through[sent.peer()]);
        }
        left[r] += added(step);
      }
      entered = left;
    }
    long last = 0;
    for (long nanos : entered) {
      last = Math.max(last, nanos);
    }
    return last;
  }

  /** When a rank has computed a step's tiles and received its messages. */
  private long through(Step step, int rank, long[] entered, long flops) {
    long pairs = 0;
    for (Work work : step.work()) {
      pairs += work.area();
    }
    long computed =
        entered[rank]
            + nanos(
                pairs, Math.max(1, rates.attentionFlopsPerSecond() / (flops * elementsPerPair)));
    long met = entered[rank];
    long in = 0;
    long out = 0;
    long transfers = 0;
    for (Message m : step.receives()) {
      met = Math.max(met, entered[m.peer()]);
      in += bytes.of(m);
      transfers += transfers(m);
    }
    for (Message m : step.sends()) {
      out += bytes.of(m);
      transfers += transfers(m);
    }
    if (transfers == 0) {
      return computed;
    }
    long posted = transfers * TRANSFER_NANOS + WAIT_NANOS;
    if (network) {
      long moved = nanos(Math.max(in, out), rates.linkBytesPerSecond()) + NETWORK_LATENCY_NANOS;
      return Math.max(computed, met + moved) + posted;
    }
    return Math.max(computed, met) + nanos(in, rates.linkBytesPerSecond()) + posted;
  }

  /** Bytes of received results, which are read once more and added to the accumulator. */
  private long added(Step step) {
    long added = 0;
    for (Message m : step.receives()) {
      added += isResult(m.item()) ? 2 * bytes.of(m) : 0;
    }
    return nanos(added, rates.linkBytesPerSecond());
  }

  private static boolean isResult(Item item) {
    return SchedulePass.FORWARD.results().contains(item)
        || SchedulePass.BACKWARD.results().contains(item);
  }

  /** Every run of rows of every tensor is a transfer of its own. */
  private static long transfers(Message message) {
    List<TokenRange> runs = message.rows();
    return (long) runs.size()
        * switch (message.item()) {
          case QUERY, QUERY_GRADIENT -> 1;
          case KEY_VALUE, KEY_VALUE_GRADIENT, PARTIAL_OUTPUT -> 2;
          case QUERY_BUNDLE -> 4;
        };
  }

  /**
   * Both are shifted until the rate has 33 bits, so that the product below has 63; an error of one
   * part in 2³². At most {@value #MOST_SECONDS} seconds, so that sums of many stay in range.
   */
  static long nanos(long amount, long perSecond) {
    if (amount / perSecond >= MOST_SECONDS) {
      return MOST_SECONDS * NANOS_PER_SECOND;
    }
    int shift = Math.max(0, Long.SIZE - Long.numberOfLeadingZeros(perSecond) - 33);
    long rest = amount % perSecond;
    return amount / perSecond * NANOS_PER_SECOND
        + (rest >> shift) * NANOS_PER_SECOND / (perSecond >> shift);
  }
}
