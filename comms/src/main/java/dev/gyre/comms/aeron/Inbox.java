package dev.gyre.comms.aeron;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Transfer;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** Receiving end of one channel from one peer. */
final class Inbox {
  /**
   * Freed slots are reported in batches of this size, early enough that the sender rarely runs out.
   */
  private static final int REPORT_SLOTS = Outbox.EAGER_SLOTS / 2;

  /** A message that was announced and is not received yet. */
  private static final class Arrival {
    final long sequence;
    final int tag;
    final long bytes;
    final long step;
    final int slab;
    final long offset;

    /** Buffer of a small payload that arrived before its receive. */
    @Nullable MemorySegment buffer;

    /** The receive that chunks are copied into. */
    @Nullable Transfer into;

    long filled;

    Arrival(Frame frame) {
      sequence = frame.sequence();
      tag = frame.tag();
      bytes = frame.bytes();
      step = frame.step();
      slab = frame.slab();
      offset = frame.offset();
    }
  }

  private final int self;
  private final int peer;
  private final Channel channel;
  private final LogWriter writer;
  private final Slabs slabs;
  private final SlabCopy copier;
  private final ArrayDeque<Arrival> arrivals = new ArrayDeque<>();
  private final ArrayDeque<Transfer> receives = new ArrayDeque<>();
  private final ArrayDeque<Arrival> granted = new ArrayDeque<>();
  private @Nullable Arrival filling;
  private long eagerTaken;
  private long eagerReported;
  private @Nullable String broken;
  private @Nullable String ended;

  Inbox(int self, int peer, Channel channel, LogWriter writer, Slabs slabs, SlabCopy copier) {
    this.self = self;
    this.peer = peer;
    this.channel = channel;
    this.writer = writer;
    this.slabs = slabs;
    this.copier = copier;
  }

  void receive(Transfer receive) {
    if (broken != null) {
      receive.fail(broken);
      return;
    }
    receives.add(receive);
    match();
  }

  void offer(Frame frame) {
    if (broken == null) {
      arrivals.add(new Arrival(frame));
      match();
    }
  }

  /** A chunk of a small payload; chunks arrive in order. */
  void eager(Frame frame) {
    if (broken != null) {
      return;
    }
    Arrival arrival = filling;
    if (frame.offset() == 0 || arrival == null) {
      arrival = begin(frame);
      if (broken != null) {
        return;
      }
    }
    MemorySegment to = arrival.into != null ? arrival.into.segment() : arrival.buffer;
    if (to != null) {
      frame.copyPayload(to, frame.offset());
    }
    arrival.filled += frame.payloadBytes();
    filling = arrival.filled < arrival.bytes ? arrival : null;
    if (filling == null) {
      match();
    }
  }

  /** Chooses the destination of the payload: its receive, if that is posted already. */
  private Arrival begin(Frame frame) {
    Arrival arrival = new Arrival(frame);
    Transfer receive = arrivals.isEmpty() ? receives.peek() : null;
    if (receive != null) {
      if (!agree(arrival, receive)) {
        return arrival;
      }
      arrival.into = receive;
    } else {
      arrival.buffer = MemorySegment.ofArray(new byte[(int) arrival.bytes]);
    }
    arrivals.add(arrival);
    return arrival;
  }

  /** A chunk of a granted payload. */
  void data(Frame frame) {
    for (Iterator<Arrival> all = granted.iterator(); all.hasNext(); ) {
      Arrival arrival = all.next();
      if (arrival.sequence == frame.sequence() && arrival.into != null) {
        frame.copyPayload(arrival.into.segment(), frame.offset());
        arrival.filled += frame.payloadBytes();
        if (arrival.filled == arrival.bytes) {
          all.remove();
          arrival.into.complete();
        }
        return;
      }
    }
  }

  private void match() {
    while (!arrivals.isEmpty() && !receives.isEmpty()) {
      Arrival arrival = arrivals.element();
      Transfer receive = receives.element();
      if (!agree(arrival, receive)) {
        return;
      }
      boolean eager = arrival.buffer != null || arrival.into != null;
      if (eager && arrival.filled < arrival.bytes) {
        return;
      }
      arrivals.remove();
      receives.remove();
      if (eager) {
        takeEager(arrival, receive);
      } else if (arrival.slab >= 0) {
        takeFromSlab(arrival, receive);
      } else {
        arrival.into = receive;
        granted.add(arrival);
        writer.add(Outgoing.about(Frame.Kind.GRANT, channel, arrival.sequence));
      }
    }
    if (ended != null && arrivals.isEmpty()) {
      fail(ended);
    }
  }

  private void takeEager(Arrival arrival, Transfer receive) {
    if (arrival.buffer != null) {
      receive.segment().copyFrom(arrival.buffer);
    }
    receive.complete();
    eagerTaken++;
    if (eagerTaken - eagerReported >= REPORT_SLOTS) {
      eagerReported = eagerTaken;
      writer.add(Outgoing.about(Frame.Kind.TAKEN, channel, eagerTaken));
    }
  }

  private void takeFromSlab(Arrival arrival, Transfer receive) {
    MemorySegment slab = slabs.ofPeer(peer, arrival.slab);
    if (receive.isBorrow()) {
      receive.completeInPlace(slab.asSlice(arrival.offset, arrival.bytes), arrival.sequence);
      return;
    }
    copier.copy(slab, arrival.offset, receive.segment());
    receive.complete();
    writer.add(Outgoing.about(Frame.Kind.DONE, channel, arrival.sequence));
  }

  void release(Transfer receive) {
    writer.add(Outgoing.about(Frame.Kind.DONE, channel, receive.borrowTicket()));
  }

  private boolean agree(Arrival arrival, Transfer receive) {
    if (arrival.tag == receive.tag() && arrival.bytes == receive.bytes()) {
      return true;
    }
    String difference =
        "rank %d, in step %d, sent tag %s of %d bytes where rank %d receives tag %s of %d bytes"
            .formatted(
                peer,
                arrival.step,
                Integer.toHexString(arrival.tag),
                arrival.bytes,
                self,
                Integer.toHexString(receive.tag()),
                receive.bytes());
    fail(difference);
    writer.add(Outgoing.text(Frame.Kind.FAIL, channel, text(difference, writer.chunkBytes())));
    return false;
  }

  /** Text as a payload, truncated to one frame. */
  static MemorySegment text(String text, int limitBytes) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return MemorySegment.ofArray(utf8).asSlice(0, Math.min(utf8.length, limitBytes));
  }

  /** The peer sends nothing more; messages that have arrived can still be received. */
  void end(String reason) {
    if (broken == null) {
      ended = reason;
      arrivals.removeIf(arrival -> arrival.buffer == null && arrival.into == null);
      match();
    }
  }

  /** Fails all transfers, present and future. */
  void fail(String reason) {
    if (broken == null) {
      broken = reason;
    }
    for (Transfer receive : receives) {
      receive.fail(broken);
    }
    for (Arrival arrival : granted) {
      if (arrival.into != null) {
        arrival.into.fail(broken);
      }
    }
    receives.clear();
    granted.clear();
    arrivals.clear();
    filling = null;
  }
}
