package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The memory of one rank for the items of a {@link Program}. An item of another owner has a slot
 * for exactly the steps in which it is live, and a received result one until it is added. A slot is
 * reused for the same kind of item. So the keys and values of a ring need two slots, whatever its
 * size.
 */
public final class ItemMemory {
  /** An item that the rank holds during the program. */
  public static final class Holding {
    private final Item item;
    private final int rows;
    private final boolean own;
    private final boolean staging;
    private int slot = -1;
    private int first = Integer.MAX_VALUE;
    private int last = -1;

    private Holding(Item item, int rows, boolean own, boolean staging) {
      this.item = item;
      this.rows = rows;
      this.own = own;
      this.staging = staging;
    }

    private void usedIn(int step) {
      first = Math.min(first, step);
      last = Math.max(last, step);
    }

    public Item item() {
      return item;
    }

    public int rows() {
      return rows;
    }

    /** Whether the caller provides it. */
    public boolean own() {
      return own;
    }

    /** Index into the slots of its item; −1 for own items. */
    public int slot() {
      return slot;
    }

    /** Whether it is an accumulator of another owner, which starts at zero. */
    public boolean startsAtZero() {
      return !own && !staging && isAccumulator(item);
    }

    /** The first step that uses it. */
    public int firstStep() {
      return first;
    }
  }

  private record Key(Item item, int owner) {}

  private final int me;
  private final int[] tokens;
  private final List<Holding> holdings = new ArrayList<>();
  private final Map<Key, Integer> index = new HashMap<>();
  private final int[][] stagings;
  private final Map<Item, int[]> slotRows = new EnumMap<>(Item.class);

  /**
   * @param program the rank's own program
   * @param me its ring rank
   * @param tokens tokens of each ring rank
   */
  public ItemMemory(SchedulePass pass, Program program, int me, int[] tokens) {
    this.me = me;
    this.tokens = tokens.clone();
    for (Item item : pass.own()) {
      hold(item, me);
    }
    stagings = new int[program.steps().size()][];
    for (int s = 0; s < stagings.length; s++) {
      Step step = program.steps().get(s);
      for (Message m : step.sends()) {
        hold(m.item(), m.owner()).usedIn(s);
      }
      stagings[s] = new int[step.receives().size()];
      for (int i = 0; i < stagings[s].length; i++) {
        Message m = step.receives().get(i);
        hold(m.item(), m.owner()).usedIn(s);
        stagings[s][i] = isAccumulator(m.item()) ? stage(m, s) : -1;
      }
      for (Work w : step.work()) {
        if (!w.tiles().isEmpty()) {
          hold(pass.queryInput(), w.queryOwner()).usedIn(s);
          hold(Item.KEY_VALUE, w.keyOwner()).usedIn(s);
          for (Item result : pass.results()) {
            hold(result, SchedulePass.ofKeys(result) ? w.keyOwner() : w.queryOwner()).usedIn(s);
          }
        }
      }
    }
    assignSlots();
  }

  private Holding hold(Item item, int owner) {
    Key key = new Key(item, owner);
    Integer at = index.get(key);
    if (at == null) {
      at = holdings.size();
      index.put(key, at);
      holdings.add(new Holding(item, tokens[owner], owner == me, false));
    }
    return holdings.get(at);
  }

  /** Memory for a received message whose rows are added at the end of the step. */
  private int stage(Message m, int step) {
    int rows = 0;
    for (TokenRange run : m.rows()) {
      rows += run.length();
    }
    Holding h = new Holding(m.item(), rows, false, true);
    h.usedIn(step);
    holdings.add(h);
    return holdings.size() - 1;
  }

  private static boolean isAccumulator(Item item) {
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

  public List<Holding> holdings() {
    return holdings;
  }

  /**
   * Index of the holding of an owner's item.
   *
   * @throws IllegalArgumentException if the program does not use it
   */
  public int index(Item item, int owner) {
    Integer at = index.get(new Key(item, owner));
    if (at == null) {
      throw new IllegalArgumentException(
          "rank %d does not use %s of rank %d in this program".formatted(me, item, owner));
    }
    return at;
  }

  /** Index of the rank's own holding of an item. */
  public int own(Item item) {
    return index(item, me);
  }

  /**
   * Index of the holding that a step's message is received into before it is added; −1 if it goes
   * to its final place.
   *
   * @param receive number of the message among those that the step receives
   */
  public int staging(int step, int receive) {
    return stagings[step][receive];
  }

  /** Capacity in rows of each slot of an item. */
  public int[] slotRows(Item item) {
    return slotRows.getOrDefault(item, NONE);
  }

  private static final int[] NONE = {};

  /** Bytes of all slots. */
  public long bytes(MessageBytes bytes) {
    long[] sum = {0};
    slotRows.forEach(
        (item, rows) -> {
          for (int count : rows) {
            sum[0] += count * bytes.perRow(item);
          }
        });
    return sum[0];
  }
}
