package dev.gyre.trainer.rank;

import dev.gyre.model.tape.ActivationStore;
import dev.gyre.trainer.offload.DiskActivations;
import dev.gyre.trainer.offload.OffloadSpec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A rank's files of offloaded activations: one for each row that is open at once. */
final class OffloadStores implements AutoCloseable {
  private final @Nullable OffloadSpec spec;
  private final int rank;
  private final List<DiskActivations> all = new ArrayList<>();
  private final Deque<ActivationStore> free = new ArrayDeque<>();

  /**
   * @param spec null to offload nothing
   */
  OffloadStores(@Nullable OffloadSpec spec, int rank) {
    this.spec = spec;
    this.rank = rank;
    giveBack(take()); // so that a folder that cannot be used is found at the start
  }

  /** An empty store; null if nothing is offloaded. */
  @Nullable ActivationStore take() {
    if (spec == null) {
      return null;
    }
    if (free.isEmpty()) {
      DiskActivations opened = DiskActivations.open(spec, rank);
      all.add(opened);
      return opened;
    }
    return free.pop();
  }

  void giveBack(@Nullable ActivationStore store) {
    if (store != null) {
      free.push(store);
    }
  }

  @Override
  public void close() {
    all.forEach(DiskActivations::close);
  }
}
