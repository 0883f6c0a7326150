package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import dev.gyre.partitioning.schedule.SchedulePass;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Simulates what every rank holds while a schedule runs: rows of inputs, and the shares in each
 * accumulator. A share is the partial result of one work. In the end it must be in its owner's
 * accumulator exactly once.
 */
final class ScheduleReplay {
  private final SchedulePass phase;
  private final CoveredRows covered;
  private final int ring;

  /** Per input item: the rows that a rank holds of an owner. */
  private final Map<Item, Sets> inputs = new EnumMap<>(Item.class);

  /** Per result item: which of an owner's shares a rank has summed so far. */
  private final Map<Item, Sets> sums = new EnumMap<>(Item.class);

  /** Per result item: an owner's rows to which a rank has added something. */
  private final Map<Item, Sets> touched = new EnumMap<>(Item.class);

  /** Per result item and owner. */
  private final Map<Item, List<List<Share>>> shares = new EnumMap<>(Item.class);

  /** Per rank, of its running step: sums as they were before it, its shares, what has arrived. */
  private final List<List<Parcel>> outgoing = new ArrayList<>();

  private final List<List<Parcel>> incoming = new ArrayList<>();
  private final int[] stepOf;

  private record Share(int rank, int step) {}

  /** A set for each rank and owner; without memory until it is asked for. */
  private static final class Sets {
    private final List<Map<Integer, BitSet>> ofRank = new ArrayList<>();

    Sets(int ring) {
      for (int rank = 0; rank < ring; rank++) {
        ofRank.add(new HashMap<>());
      }
    }

    BitSet at(int rank, int owner) {
      return ofRank.get(rank).computeIfAbsent(owner, _ -> new BitSet());
    }
  }

  private record Parcel(Message message, BitSet content) {}

  ScheduleReplay(SequenceLayout layout, SchedulePass phase, CoveredRows covered) {
    this.phase = phase;
    this.covered = covered;
    ring = layout.ring();
    stepOf = new int[ring];
    for (Item item : List.of(Item.KEY_VALUE, phase.queryInput())) {
      Sets own = new Sets(ring);
      for (int rank = 0; rank < ring; rank++) {
        own.at(rank, rank).set(0, layout.tokens(rank));
      }
      inputs.put(item, own);
    }
    for (Item item : phase.results()) {
      sums.put(item, new Sets(ring));
      touched.put(item, new Sets(ring));
      List<List<Share>> ofOwner = new ArrayList<>();
      for (int owner = 0; owner < ring; owner++) {
        ofOwner.add(new ArrayList<>());
      }
      shares.put(item, ofOwner);
    }
    for (int rank = 0; rank < ring; rank++) {
      outgoing.add(new ArrayList<>());
      incoming.add(new ArrayList<>());
    }
  }

  /** Captures what the step sends before the step changes it, then applies the step's work. */
  void beginStep(int rank, int step, Step now) {
    stepOf[rank] = step;
    for (Message message : now.sends()) {
      if (inputs.containsKey(message.item())) {
        for (TokenRange run : message.rows()) {
          proveHeld(rank, step, "sends", message.item(), message.owner(), run.start(), run.end());
        }
      }
      Sets sumSets = sums.get(message.item());
      BitSet content = new BitSet();
      if (sumSets != null) {
        proveWhole(rank, step, message, now.work());
        content = (BitSet) sumSets.at(rank, message.owner()).clone();
      }
      outgoing.get(rank).add(new Parcel(message, content));
    }
    for (Work work : now.work()) {
      work(rank, step, work);
    }
  }

  /**
   * A message contains a share completely or not at all: it has every row the share was added to,
   * and nothing is added to the sum while the message is in flight.
   */
  private void proveWhole(int rank, int step, Message message, List<Work> works) {
    BitSet left = (BitSet) rowsTouched(message.item()).at(rank, message.owner()).clone();
    for (TokenRange run : message.rows()) {
      left.clear(run.start(), run.end());
    }
    if (!left.isEmpty()) {
      throw new InvalidPlanException(
          "%s: rank %d step %d sends %s of rank %d but leaves row %d of its share behind"
              .formatted(
                  phase.label(), rank, step, message.item(), message.owner(), left.nextSetBit(0)));
    }
    for (Work work : works) {
      if (!work.tiles().isEmpty() && ownerOf(message.item(), work) == message.owner()) {
        throw new InvalidPlanException(
            "%s: rank %d step %d sends %s of rank %d while it adds to it"
                .formatted(phase.label(), rank, step, message.item(), message.owner()));
      }
    }
  }

  private static int ownerOf(Item result, Work work) {
    return SchedulePass.ofKeys(result) ? work.keyOwner() : work.queryOwner();
  }

  private void work(int rank, int step, Work work) {
    if (work.tiles().isEmpty()) {
      return;
    }
    CoveredRows.Rows rows = covered.of(work);
    if (!holds(rank, phase.queryInput(), work.queryOwner(), rows.queries())
        || !holds(rank, Item.KEY_VALUE, work.keyOwner(), rows.keys())) {
      proveTiles(rank, step, work);
    }
    for (Item result : phase.results()) {
      int owner = ownerOf(result, work);
      List<Share> ofOwner = shares(result, owner);
      sums(result).at(rank, owner).set(ofOwner.size());
      ofOwner.add(new Share(rank, step));
      rowsTouched(result)
          .at(rank, owner)
          .or(SchedulePass.ofKeys(result) ? rows.keys() : rows.queries());
    }
  }

  private boolean holds(int rank, Item item, int owner, BitSet rows) {
    BitSet missing = (BitSet) rows.clone();
    Sets sets = inputs.get(item);
    if (sets != null) {
      missing.andNot(sets.at(rank, owner));
    }
    return missing.isEmpty();
  }

  /** Checks tile by tile after a row was found missing, so that the error names the tile. */
  private void proveTiles(int rank, int step, Work work) {
    for (AttentionTile tile : work.tiles()) {
      proveHeld(
          rank,
          step,
          "works with",
          phase.queryInput(),
          work.queryOwner(),
          tile.queryStart(),
          tile.queryEnd());
      proveHeld(
          rank,
          step,
          "works with",
          Item.KEY_VALUE,
          work.keyOwner(),
          tile.keyStart(),
          tile.keyEnd());
    }
  }

  private void proveHeld(int rank, int step, String verb, Item item, int owner, int from, int to) {
    Sets sets = inputs.get(item);
    int gap = sets == null ? from : sets.at(rank, owner).nextClearBit(from);
    if (gap < to) {
      throw new InvalidPlanException(
          "%s: rank %d step %d %s %s of rank %d rows %d..%d, but does not hold row %d"
              .formatted(phase.label(), rank, step, verb, item, owner, from, to - 1, gap));
    }
  }

  private Sets sums(Item result) {
    return of(sums, result);
  }

  private Sets rowsTouched(Item result) {
    return of(touched, result);
  }

  private List<Share> shares(Item result, int owner) {
    return of(shares, result).get(owner);
  }

  private <T> T of(Map<Item, T> all, Item result) {
    T found = all.get(result);
    if (found == null) {
      throw new AssertionError(result + " is no result " + phase.label());
    }
    return found;
  }

  /**
   * Completes the oldest message in flight between two ranks; it counts at the receiver when the
   * receiver's step ends.
   */
  void travel(int from, int to) {
    List<Parcel> parcels = outgoing.get(from);
    for (int i = 0; i < parcels.size(); i++) {
      if (parcels.get(i).message().peer() == to) {
        incoming.get(to).add(parcels.remove(i));
        return;
      }
    }
    throw new AssertionError("message was not posted");
  }

  void endStep(int rank) {
    for (Parcel parcel : incoming.get(rank)) {
      Message message = parcel.message();
      Sets inputSets = inputs.get(message.item());
      if (inputSets != null) {
        BitSet rows = inputSets.at(rank, message.owner());
        for (TokenRange run : message.rows()) {
          proveNew(rank, message, run, rows);
          rows.set(run.start(), run.end());
        }
        continue;
      }
      BitSet sum = sums(message.item()).at(rank, message.owner());
      if (sum.intersects(parcel.content())) {
        BitSet twice = (BitSet) sum.clone();
        twice.and(parcel.content());
        throw new InvalidPlanException(
            "%s: rank %d step %d receives %s of rank %d with a share it has already: %s"
                .formatted(
                    phase.label(),
                    rank,
                    stepOf[rank],
                    message.item(),
                    message.owner(),
                    describe(shares(message.item(), message.owner()).get(twice.nextSetBit(0)))));
      }
      sum.or(parcel.content());
      for (TokenRange run : message.rows()) {
        rowsTouched(message.item()).at(rank, message.owner()).set(run.start(), run.end());
      }
    }
    incoming.get(rank).clear();
  }

  /** Receiving the same rows twice would overwrite data that the step is reading. */
  private void proveNew(int rank, Message message, TokenRange run, BitSet held) {
    int again = held.nextSetBit(run.start());
    if (again >= 0 && again < run.end()) {
      throw new InvalidPlanException(
          "%s: rank %d step %d receives %s of rank %d row %d, which it has already"
              .formatted(
                  phase.label(), rank, stepOf[rank], message.item(), message.owner(), again));
    }
  }

  private static String describe(Share share) {
    return "that of rank %d step %d".formatted(share.rank(), share.step());
  }

  /** Proves that every share has reached its owner. */
  void proveComplete() {
    for (Item result : phase.results()) {
      for (int owner = 0; owner < ring; owner++) {
        List<Share> ofOwner = shares(result, owner);
        int missing = sums(result).at(owner, owner).nextClearBit(0);
        if (missing < ofOwner.size()) {
          throw new InvalidPlanException(
              "%s: %s of rank %d never gets a share: %s"
                  .formatted(phase.label(), result, owner, describe(ofOwner.get(missing))));
        }
      }
    }
  }
}
