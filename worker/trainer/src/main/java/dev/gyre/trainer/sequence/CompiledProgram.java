package dev.gyre.trainer.sequence;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import dev.gyre.partitioning.schedule.ItemMemory;
import dev.gyre.partitioning.schedule.ItemMemory.Holding;
import dev.gyre.partitioning.schedule.SchedulePass;
import java.util.ArrayList;
import java.util.List;

/**
 * One rank's {@link Program} prepared to run many times: its items are numbered, and its tiles are
 * packed for the kernels.
 */
final class CompiledProgram {
  /**
   * @param holding index of the holding that is sent, or that finally receives
   * @param staging index of the holding that receives first; −1 if the final one does
   * @param runs rows of the owner, as pairs start, length
   */
  record Transfer(int holding, int staging, int peer, int number, int[] runs) {}

  /**
   * @param query holding with the queries; key: with keys and values
   * @param queryResult accumulator of the queries' side (partial output, or dQ)
   * @param keyResult accumulator of dK and dV; −1 in forward
   */
  record Compute(int query, int key, int queryResult, int keyResult, AttentionTiles tiles) {}

  /**
   * @param zeroed accumulators of other owners that start in this step
   * @param pairs (query, key) pairs of its tiles
   */
  record CompiledStep(
      String phase,
      int[] zeroed,
      Transfer[] sends,
      Transfer[] receives,
      Compute[] work,
      long pairs) {}

  private final SchedulePass pass;
  private final ItemMemory memory;
  private final List<CompiledStep> steps = new ArrayList<>();

  /**
   * @param kind name of the schedule
   * @param program the rank's own program
   * @param me its ring rank
   * @param tokens tokens of each ring rank
   */
  CompiledProgram(String kind, SchedulePass pass, Program program, int me, int[] tokens) {
    this.pass = pass;
    memory = new ItemMemory(pass, program, me, tokens);
    int count = program.steps().size();
    List<List<Integer>> zeroed = zeroed(count);
    for (int s = 0; s < count; s++) {
      String phase = "%s step %d of %d, %s".formatted(kind, s + 1, count, pass.label());
      int[] starting = zeroed.get(s).stream().mapToInt(Integer::intValue).toArray();
      steps.add(compile(program.steps().get(s), s, phase, starting));
    }
  }

  /** For each step, the accumulators of other owners that start in it. */
  private List<List<Integer>> zeroed(int count) {
    List<List<Integer>> zeroed = new ArrayList<>();
    for (int s = 0; s < count; s++) {
      zeroed.add(new ArrayList<>());
    }
    List<Holding> holdings = memory.holdings();
    for (int i = 0; i < holdings.size(); i++) {
      if (holdings.get(i).startsAtZero()) {
        zeroed.get(holdings.get(i).firstStep()).add(i);
      }
    }
    return zeroed;
  }

  private CompiledStep compile(Step step, int number, String phase, int[] zeroed) {
    Transfer[] sends = new Transfer[step.sends().size()];
    Transfer[] receives = new Transfer[step.receives().size()];
    for (int i = 0; i < sends.length; i++) {
      sends[i] = transfer(step.sends().get(i), -1);
    }
    for (int i = 0; i < receives.length; i++) {
      receives[i] = transfer(step.receives().get(i), memory.staging(number, i));
    }
    List<Compute> work = new ArrayList<>();
    long pairs = 0;
    for (Work w : step.work()) {
      if (!w.tiles().isEmpty()) {
        work.add(compile(w));
      }
      for (AttentionTile tile : w.tiles()) {
        pairs += tile.area();
      }
    }
    return new CompiledStep(phase, zeroed, sends, receives, work.toArray(new Compute[0]), pairs);
  }

  private Transfer transfer(Message m, int staging) {
    int[] runs = new int[m.rows().size() * 2];
    for (int i = 0; i < m.rows().size(); i++) {
      runs[2 * i] = m.rows().get(i).start();
      runs[2 * i + 1] = m.rows().get(i).length();
    }
    return new Transfer(memory.index(m.item(), m.owner()), staging, m.peer(), number(m), runs);
  }

  private Compute compile(Work w) {
    AttentionTiles.Builder tiles = new AttentionTiles.Builder();
    for (AttentionTile t : w.tiles()) {
      tiles.add(
          t.queryStart(), t.queryCount(), t.keyStart(), t.keyCount(), t.minDelta(), t.maxDelta());
    }
    boolean backward = pass.knows(Item.KEY_VALUE_GRADIENT);
    return new Compute(
        memory.index(pass.queryInput(), w.queryOwner()),
        memory.index(Item.KEY_VALUE, w.keyOwner()),
        memory.index(backward ? Item.QUERY_GRADIENT : Item.PARTIAL_OUTPUT, w.queryOwner()),
        backward ? memory.index(Item.KEY_VALUE_GRADIENT, w.keyOwner()) : -1,
        tiles.build());
  }

  /** Encodes item and owner in 16 bits, so that ranks with different plans detect it. */
  private static int number(Message m) {
    return (code(m.item()) << 13) | (m.owner() & 0x1FFF);
  }

  private static int code(Item item) {
    return switch (item) {
      case KEY_VALUE -> 0;
      case KEY_VALUE_GRADIENT -> 1;
      case QUERY -> 2;
      case PARTIAL_OUTPUT -> 3;
      case QUERY_BUNDLE -> 4;
      case QUERY_GRADIENT -> 5;
    };
  }

  /** What the rank holds, and where. */
  ItemMemory memory() {
    return memory;
  }

  int steps() {
    return steps.size();
  }

  CompiledStep step(int index) {
    return steps.get(index);
  }
}
