package dev.gyre.trainer.exchange;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Pending;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Sends and receives of one channel that are posted first and awaited later, with work in between.
 * No transfer is awaited before all are posted, so ranks whose sends and receives match never
 * deadlock, even without buffers. Used by one training thread; reusable.
 */
public final class Transfers {
  private final Backend backend;
  private final Transport transport;
  private final Channel channel;
  private final List<Pending> pending = new ArrayList<>();

  /**
   * @param backend backend of the tensors
   */
  public Transfers(Backend backend, Transport transport, Channel channel) {
    this.backend = backend;
    this.transport = transport;
    this.channel = channel;
  }

  /**
   * Begins a new set.
   *
   * @param collective kind for counters and errors, a constant
   */
  public void begin(String collective) {
    if (!pending.isEmpty()) {
      throw new IllegalStateException(pending.size() + " transfers were not awaited");
    }
    transport.collective(collective);
  }

  /**
   * Starts sending, once the kernels that write the tensor are done. It must not change until
   * {@link #await}; it may have no elements.
   */
  public void send(int peer, int tag, Tensor payload) {
    backend.hostReads(payload);
    pending.add(transport.send(peer, channel, tag, payload.segment()));
  }

  /** Starts receiving; the tensor must not be touched until {@link #await}. */
  public void receive(int peer, int tag, Tensor into) {
    backend.hostWrites(into);
    pending.add(transport.receive(peer, channel, tag, into.segment()));
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
    return transport;
  }
}
