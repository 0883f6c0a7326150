package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.TokenRange;
import java.util.List;

/**
 * Attention of one row over the ranks of a ring, as data. One engine in the trainer runs every
 * schedule.
 *
 * <p>A rank's program is a list of steps. A step posts all its sends and receives, computes its
 * work while they are in flight, and ends when all of it is complete. Received data can be used
 * from the next step on; sent data was held before the step. Received gradients and partial outputs
 * are added to the receiver's accumulator for that owner when the step ends, after the step's own
 * work. Accumulators start at zero. When the program ends, each rank's accumulators of its own
 * items hold the result.
 *
 * @param kind the schedule's name, for example {@code ring}
 * @param forward one program per ring rank
 * @param backward one program per ring rank
 */
public record AttentionSchedule(String kind, List<Program> forward, List<Program> backward) {
  public AttentionSchedule {
    forward = List.copyOf(forward);
    backward = List.copyOf(backward);
  }

  /** The steps of one rank, in order. */
  public record Program(List<Step> steps) {
    public Program {
      steps = List.copyOf(steps);
    }
  }

  public record Step(List<Message> sends, List<Message> receives, List<Work> work) {
    public Step {
      sends = List.copyOf(sends);
      receives = List.copyOf(receives);
      work = List.copyOf(work);
    }
  }

  /**
   * One transfer.
   *
   * @param owner ring rank that the tokens belong to
   * @param peer ring rank at the other end
   * @param rows the owner's local rows that are sent, concatenated
   */
  public record Message(Item item, int owner, int peer, List<TokenRange> rows) {
    public Message {
      rows = List.copyOf(rows);
    }
  }

  /** What a message can contain. */
  public enum Item {
    /** K and V, compute dtype. */
    KEY_VALUE,
    /** dK and dV so far, f32. */
    KEY_VALUE_GRADIENT,
    /** Q, compute dtype. */
    QUERY,
    /** Normalised output and log-sum-exp over some of the keys, f32. */
    PARTIAL_OUTPUT,
    /** Q and dO in compute dtype, log-sum-exp and delta in f32. */
    QUERY_BUNDLE,
    /** dQ so far, f32. */
    QUERY_GRADIENT
  }

  /** Tiles between one owner's queries and one owner's keys. */
  public record Work(int queryOwner, int keyOwner, List<AttentionTile> tiles) {
    public Work {
      tiles = List.copyOf(tiles);
    }

    /** Pairs of all tiles. */
    public long area() {
      long pairs = 0;
      for (AttentionTile tile : tiles) {
        pairs += tile.area();
      }
      return pairs;
    }
  }
}
