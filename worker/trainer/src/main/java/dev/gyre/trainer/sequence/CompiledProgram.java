package dev.gyre.trainer.sequence;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One rank's {@link Program} prepared to run many times. Tiles are packed for the kernels. Every
 * item of another owner has a slot of scratch memory for exactly the steps in which it is live. So
 * the keys and values of a ring need two slots, whatever its size.
 */
final class CompiledProgram {
  /** An item that this rank holds during the program. */
  static final class Holding {
    final Item item;
    final int owner;
    final int rows;
    final boolean own;

    /** Index into the slots of its item; −1 for own items, which the caller provides. */
    int slot = -1;

    private int first = Integer.MAX_VALUE;
    private int last = -1;

    private Holding(Item item, int owner, int rows, boolean own) {
      this.item = item;
      this.owner = owner;
      this.rows = rows;
      this.own = own;
    }

    private void usedIn(int step) {
      first = Math.min(first, step);
      last = Math.max(last, step);
    }
  }

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

  private record Key(Item item, int owner) {}

  private final List<Holding> holdings = new ArrayList<>();
  private final Map<Item, int[]> slotRows = new EnumMap<>(Item.class);
  private final List<CompiledStep> steps = new ArrayList<>();
  private final Map<Item, Integer> own = new EnumMap<>(Item.class);

  /**
   * @param program the rank's own program
   * @param me its ring rank
   * @param tokens tokens of each ring rank
   */
  static CompiledProgram compile(
      String kind, Program program, boolean forward, int me, int[] tokens) {
    return new CompiledProgram(kind, program, forward, me, tokens);
  }

  private CompiledProgram(String kind, Program program, boolean forward, int me, int[] tokens) {
    Map<Key, Integer> index = new HashMap<>();
    for (Item item : forward ? FORWARD_OWN : BACKWARD_OWN) {
      own.put(item, hold(index, item, me, me, tokens, -1));
    }
    for (int s = 0; s < program.steps().size(); s++) {
      Step step = program.steps().get(s);
      String phase =
          "%s step %d of %d, %s"
              .formatted(kind, s + 1, program.steps().size(), forward ? "forward" : "backward");
      Transfer[] sends = new Transfer[step.sends().size()];
      Transfer[] receives = new Transfer[step.receives().size()];
      for (int i = 0; i < sends.length; i++) {
        Message m = step.sends().get(i);
        int holding = hold(index, m.item(), m.owner(), me, tokens, s);
        sends[i] = new Transfer(holding, -1, m.peer(), number(m), runs(m));
      }
      for (int i = 0; i < receives.length; i++) {
        Message m = step.receives().get(i);
        int holding = hold(index, m.item(), m.owner(), me, tokens, s);
        int staging = isAccumulator(m.item()) ? stage(m, s) : -1;
        receives[i] = new Transfer(holding, staging, m.peer(), number(m), runs(m));
      }
      List<Compute> work = new ArrayList<>();
      long pairs = 0;
      for (Work w : step.work()) {
        if (!w.tiles().isEmpty()) {
          work.add(compile(w, forward, index, me, tokens, s));
        }
        for (AttentionTile tile : w.tiles()) {
          pairs += tile.area();
        }
      }
      Compute[] packed = work.toArray(new Compute[0]);
      steps.add(new CompiledStep(phase, new int[0], sends, receives, packed, pairs));
    }
    assignSlots();
    markZeroed();
  }

  private static final Item[] FORWARD_OWN = {Item.KEY_VALUE, Item.QUERY, Item.PARTIAL_OUTPUT};
  private static final Item[] BACKWARD_OWN = {
    Item.KEY_VALUE, Item.QUERY_BUNDLE, Item.QUERY_GRADIENT, Item.KEY_VALUE_GRADIENT
  };

  private Compute compile(
      Work w, boolean forward, Map<Key, Integer> index, int me, int[] tokens, int step) {
    AttentionTiles.Builder tiles = new AttentionTiles.Builder();
    for (AttentionTile t : w.tiles()) {
      tiles.add(
          t.queryStart(), t.queryCount(), t.keyStart(), t.keyCount(), t.minDelta(), t.maxDelta());
    }
    Item query = forward ? Item.QUERY : Item.QUERY_BUNDLE;
    Item result = forward ? Item.PARTIAL_OUTPUT : Item.QUERY_GRADIENT;
    return new Compute(
        hold(index, query, w.queryOwner(), me, tokens, step),
        hold(index, Item.KEY_VALUE, w.keyOwner(), me, tokens, step),
        hold(index, result, w.queryOwner(), me, tokens, step),
        forward ? -1 : hold(index, Item.KEY_VALUE_GRADIENT, w.keyOwner(), me, tokens, step),
        tiles.build());
  }

  private int hold(Map<Key, Integer> index, Item item, int owner, int me, int[] tokens, int step) {
    Key key = new Key(item, owner);
    Integer at = index.get(key);
    if (at == null) {
      at = holdings.size();
      index.put(key, at);
      holdings.add(new Holding(item, owner, tokens[owner], owner == me));
    }
    if (step >= 0) {
      holdings.get(at).usedIn(step);
    }
    return at;
  }

  /** Memory for a received message whose rows are added at the end of the step. */
  private int stage(Message m, int step) {
    int rows = 0;
    for (TokenRange run : m.rows()) {
      rows += run.length();
    }
    Holding h = new Holding(m.item(), m.owner(), rows, false);
    h.usedIn(step);
    holdings.add(h);
    return holdings.size() - 1;
  }

  private static int[] runs(Message m) {
    int[] packed = new int[m.rows().size() * 2];
    for (int i = 0; i < m.rows().size(); i++) {
      packed[2 * i] = m.rows().get(i).start();
      packed[2 * i + 1] = m.rows().get(i).length();
    }
    return packed;
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

  static boolean isAccumulator(Item item) {
    return switch (item) {
      case KEY_VALUE, QUERY, QUERY_BUNDLE -> false;
      case KEY_VALUE_GRADIENT, PARTIAL_OUTPUT, QUERY_GRADIENT -> true;
    };
  }

  /** Interval colouring, first fit: a slot is free again in the step after its last use. */
  private void assignSlots() {
    List<Holding> foreign = new ArrayList<>();
    for (Holding h : holdings) {
      if (!h.own) {
        foreign.add(h);
      }
    }
    foreign.sort((a, b) -> Integer.compare(a.first, b.first));
    Map<Item, List<int[]>> slots = new EnumMap<>(Item.class); // {rows, last step in use}
    for (Holding h : foreign) {
      List<int[]> ofItem = slots.computeIfAbsent(h.item, _ -> new ArrayList<>());
      int slot = 0;
      while (slot < ofItem.size() && ofItem.get(slot)[1] >= h.first) {
        slot++;
      }
      if (slot == ofItem.size()) {
        ofItem.add(new int[2]);
      }
      ofItem.get(slot)[0] = Math.max(ofItem.get(slot)[0], h.rows);
      ofItem.get(slot)[1] = h.last;
      h.slot = slot;
    }
    slots.forEach(
        (item, list) -> slotRows.put(item, list.stream().mapToInt(slot -> slot[0]).toArray()));
  }

  /** Accumulators of other owners start at zero in the first step that touches them. */
  private void markZeroed() {
    boolean[] staging = new boolean[holdings.size()];
    for (CompiledStep step : steps) {
      for (Transfer t : step.receives) {
        if (t.staging >= 0) {
          staging[t.staging] = true;
        }
      }
    }
    for (int s = 0; s < steps.size(); s++) {
      List<Integer> zeroed = new ArrayList<>();
      for (int i = 0; i < holdings.size(); i++) {
        Holding h = holdings.get(i);
        if (!h.own && !staging[i] && isAccumulator(h.item) && h.first == s) {
          zeroed.add(i);
        }
      }
      CompiledStep c = steps.get(s);
      int[] packed = zeroed.stream().mapToInt(Integer::intValue).toArray();
      steps.set(s, new CompiledStep(c.phase, packed, c.sends, c.receives, c.work, c.pairs));
    }
  }

  int holdings() {
    return holdings.size();
  }

  Holding holding(int index) {
    return holdings.get(index);
  }

  /** Index of this rank's own holding of an item. */
  int own(Item item) {
    Integer at = own.get(item);
    if (at == null) {
      throw new IllegalArgumentException("no rank brings its own " + item + " to this program");
    }
    return at;
  }

  /** Capacity in rows of each slot of an item. */
  int[] slotRows(Item item) {
    return slotRows.getOrDefault(item, NONE);
  }

  private static final int[] NONE = {};

  int steps() {
    return steps.size();
  }

  CompiledStep step(int index) {
    return steps.get(index);
  }
}
