package dev.gyre.trainer.exchange;

import dev.gyre.comms.AllToAll;
import dev.gyre.comms.Collective;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Progress;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * An uneven all-to-all of tensors' blocks over a group, wherever the backend keeps them: {@link
 * AllToAll} between members, the backend's own copy for what a member keeps. Of one training
 * thread; reused.
 */
public final class TensorExchange {
  private final Backend backend;
  private final ProcessGroup group;
  private final AllToAll allToAll;
  private final List<Tensor> keptFrom = new ArrayList<>();
  private final List<Tensor> keptTo = new ArrayList<>();

  /**
   * @param backend whose tensors travel
   */
  public TensorExchange(Backend backend, ProcessGroup group) {
    this.backend = backend;
    this.group = group;
    this.allToAll = new AllToAll(group);
  }

  /** The members of the group. */
  public int size() {
    return group.size();
  }

  /** This rank's position among them. */
  public int rank() {
    return group.rank();
  }

  /** What this rank does now, for messages about it. */
  public Progress where() {
    return group.transport().where();
  }

  /** The next block for a member, this one included; it must not change until {@link #run} ends. */
  public void send(int member, Tensor block) {
    if (block.elements() == 0) {
      return;
    }
    if (member == group.rank()) {
      keptFrom.add(block);
    } else {
      backend.hostReads(block);
      allToAll.send(member, block.segment());
    }
  }

  /** Where a member's next block goes, this one's included. */
  public void receive(int member, Tensor block) {
    if (block.elements() == 0) {
      return;
    }
    if (member == group.rank()) {
      keptTo.add(block);
    } else {
      backend.hostWrites(block);
      allToAll.receive(member, block.segment());
    }
  }

  /** Moves all blocks given since the last call, and returns when that is done. */
  public void run(Collective kind) {
    try {
      allToAll.start(kind);
      for (int i = 0; i < keptFrom.size(); i++) {
        backend.kernels().copy(keptFrom.get(i), keptTo.get(i));
      }
      allToAll.await();
    } finally {
      keptFrom.clear();
      keptTo.clear();
    }
  }
}
