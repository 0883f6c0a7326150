package dev.gyre.comms.aeron;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Transfer;
import dev.gyre.comms.Transport;
import java.util.ArrayDeque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** Sending end of one channel to one peer. */
final class Outbox {
  /** Small payloads that may be at the receiver without a posted receive. */
  static final int EAGER_SLOTS = 16;

  private final Channel channel;
  private final LogWriter writer;
  private final Slabs slabs;
  private final boolean byReference;
  private final ArrayDeque<Outgoing> offered = new ArrayDeque<>();
  private long nextSequence;
  private long eagerSent;
  private long eagerTaken;
  private @Nullable String broken;

  Outbox(Channel channel, LogWriter writer, Slabs slabs, boolean byReference) {
    this.channel = channel;
    this.writer = writer;
    this.slabs = slabs;
    this.byReference = byReference;
  }

  void send(Transfer send) {
    if (broken != null) {
      send.fail(broken);
      return;
    }
    long sequence = nextSequence++;
    if (send.bytes() <= Transport.EAGER_BYTES && eagerSent - eagerTaken < EAGER_SLOTS) {
      eagerSent++;
      writer.add(Outgoing.payload(Frame.Kind.EAGER, send, sequence));
      return;
    }
    int slab = byReference ? slabs.find(send.segment()) : -1;
    long offset = slab < 0 ? 0 : slabs.offsetIn(slab, send.segment());
    Outgoing offer = Outgoing.offer(send, sequence, slab, offset);
    offered.add(offer);
    writer.add(offer);
  }

  void granted(long sequence) {
    Outgoing offer = takeOffer(sequence);
    if (offer != null && offer.transfer() != null) {
      writer.addBulk(Outgoing.payload(Frame.Kind.DATA, offer.transfer(), sequence));
    }
  }

  void done(long sequence) {
    Outgoing offer = takeOffer(sequence);
    if (offer != null && offer.transfer() != null) {
      offer.transfer().complete();
    }
  }

  void taken(long eagerSoFar) {
    eagerTaken = eagerSoFar;
  }

  private @Nullable Outgoing takeOffer(long sequence) {
    for (Iterator<Outgoing> offers = offered.iterator(); offers.hasNext(); ) {
      Outgoing offer = offers.next();
      if (offer.sequence() == sequence) {
        offers.remove();
        return offer;
      }
    }
    return null; // withdrawn in the meantime
  }

  void fail(String reason) {
    if (broken == null) {
      broken = reason;
    }
    for (Outgoing offer : offered) {
      if (offer.transfer() != null) {
        offer.transfer().fail(broken);
      }
    }
    offered.clear();
    writer.fail(out -> out.channel() == channel, broken);
  }
}
