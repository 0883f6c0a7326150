package dev.gyre.trainer.exchange;

import dev.gyre.comms.Collective;
import dev.gyre.comms.Pending;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Sends and receives of a group that are posted first and awaited later, with work in between. No
 * transfer is awaited before all are posted, so ranks whose sends and receives match never
 * deadlock, even without buffers. Used by one training thread; reusable.
 */
public final class Transfers {
  private final Backend backend;
  private final ProcessGroup group;
  private final List<Pending> pending = new ArrayList<>();

  /**
   * @param backend backend of the tensors
   */
  public Transfers(Backend backend, ProcessGroup group) {
    this.backend = backend;
    this.group = group;
  }

  /** Begins a new set, all of it counted as {@link Collective#RING}. */
  public void begin() {
    if (!pending.isEmpty()) {
      throw new IllegalStateException(pending.size() + " transfers were not awaited");
    }
  }

  /**
   * Starts sending, once the kernels that write the tensor are done. It must not change until
   * {@link #await}; it may have no elements.
   *
   * @param number says what it is, the same on both sides, in 16 bits
   */
  public void send(int member, int number, Tensor payload) {
    backend.hostReads(payload);
    pending.add(group.send(Collective.RING, member, number, payload.segment()));
  }

  /** Starts receiving; the tensor must not be touched until {@link #await}. */
  public void receive(int member, int number, Tensor into) {
    backend.hostWrites(into);
    pending.add(group.receive(Collective.RING, member, number, into.segment()));
  }

  /** Polls the network once and returns whether transfers are still in flight. */
  public boolean areUnderWay() {
    for (int i = 0; i < pending.size(); i++) {
      if (!pending.get(i).poll()) {
        return true;
      }
    }
    return false;
  }

  /** Returns when all of them are done. After an error the set is dropped: abort the transport. */
  public void await() {
    try {
      for (int i = 0; i < pending.size(); i++) {
        pending.get(i).await();
      }
    } finally {
      pending.clear();
    }
  }

  public Transport transport() {
    return group.transport();
  }
}
