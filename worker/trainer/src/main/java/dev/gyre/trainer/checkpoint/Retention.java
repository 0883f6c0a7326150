package dev.gyre.trainer.checkpoint;

import dev.gyre.trainer.checkpoint.CheckpointStore.Committed;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which checkpoints of a run stay. The checkpoint just committed and the one resumed from always
 * do. Of the others the newest stay; a damaged one never takes the place of an intact one.
 */
final class Retention {
  private enum State {
    INTACT,
    DAMAGED,
    /** Storage failed: neither counted nor deleted. */
    UNREADABLE
  }

  private final int keep;
  private final @Nullable Committed resumed;

  /** By step; every checkpoint that this process wrote or had to look at. */
  private final Map<Long, State> known = new HashMap<>();

  private final List<Long> written = new ArrayList<>();

  Retention(int keep, @Nullable Committed resumed) {
    this.keep = keep;
    this.resumed = resumed;
    if (resumed != null) {
      known.put(resumed.step(), State.INTACT);
    }
  }

  /** Notes a checkpoint that was verified and committed. */
  void committed(long step) {
    known.put(step, State.INTACT);
    written.add(step);
  }

  /**
   * Checkpoints of a branch that was given up: later than the one resumed from, and not written
   * since. The next resume must not take one of them for the newest.
   */
  List<Committed> abandoned(List<Committed> all) {
    if (resumed == null) {
      return List.of();
    }
    return all.stream()
        .filter(one -> one.step() > resumed.step() && !written.contains(one.step()))
        .toList();
  }

  /**
   * The checkpoints to delete.
   *
   * @param all without the abandoned ones, oldest first
   */
  List<Committed> surplus(List<Committed> all) {
    List<Committed> surplus = new ArrayList<>();
    if (all.size() <= keep) {
      return surplus;
    }
    int kept = 0;
    for (Committed one : all.reversed()) {
      boolean wanted = kept < keep;
      State state = wanted ? state(one) : State.INTACT;
      if (wanted && state == State.INTACT) {
        kept++;
      } else if (state != State.UNREADABLE && !isProtected(one)) {
        surplus.add(one);
      }
    }
    return surplus;
  }

  private boolean isProtected(Committed one) {
    return (resumed != null && one.step() == resumed.step())
        || (!written.isEmpty() && one.step() == written.getLast());
  }

  private State state(Committed one) {
    return known.computeIfAbsent(
        one.step(),
        _ -> {
          try {
            CheckpointStore.verify(one.folder());
            return State.INTACT;
          } catch (CheckpointException e) {
            return State.DAMAGED;
          } catch (IOException e) {
            return State.UNREADABLE;
          }
        });
  }
}
