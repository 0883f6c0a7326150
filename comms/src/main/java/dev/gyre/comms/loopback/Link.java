package dev.gyre.comms.loopback;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Transfer;
import dev.gyre.comms.Transport;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One channel from one rank to another: messages sent and not yet received, and posted receives.
 * All accesses to the memory of a transfer are made under the link's monitor, so its holder knows
 * that nobody copies.
 */
final class Link {
  /** Small messages that may be buffered here before they are received. */
  private static final int EAGER_SLOTS = 16;

  private static final long NEVER = Long.MAX_VALUE;

  /**
   * A message in flight.
   *
   * @param send the sender's handle, already settled if the payload was buffered
   */
  private record Message(Transfer send, MemorySegment payload, long atNanos) {
    boolean buffered() {
      return send.isSettled();
    }
  }

  private final int from;
  private final int to;
  private final Channel channel;
  private final boolean neverBuffer;
  private final Line line;
  private final Faults faults;
  private final ArrayDeque<Message> messages = new ArrayDeque<>();
  private final ArrayDeque<Transfer> receives = new ArrayDeque<>();
  private @Nullable LoopbackTransport sender;
  private @Nullable LoopbackTransport receiver;
  private @Nullable String broken;

  /** Set when the sender has closed or failed; its buffered messages are still delivered. */
  private @Nullable String ended;

  /** A message and its receive have met and wait only for the arrival time. */
  private volatile boolean matched;

  Link(
      int from,
      int to,
      Channel channel,
      LoopbackNetwork.Options options,
      Line line,
      Faults faults) {
    this.from = from;
    this.to = to;
    this.channel = channel;
    this.neverBuffer = options.neverBuffer();
    this.line = line;
    this.faults = faults;
  }

  int from() {
    return from;
  }

  int to() {
    return to;
  }

  void join(LoopbackTransport newSender, LoopbackTransport newReceiver) {
    sender = newSender;
    receiver = newReceiver;
  }

  synchronized void send(Transfer send) {
    String gone = broken != null ? broken : ended;
    if (gone != null) {
      send.fail(gone);
      return;
    }
    long now = System.nanoTime();
    long arrival = line.arrivalNanos(now, send.bytes());
    MemorySegment payload = send.segment();
    boolean buffered =
        !neverBuffer && send.bytes() <= Transport.EAGER_BYTES && messages.size() < EAGER_SLOTS;
    if (buffered && (arrival > now || receives.isEmpty() || !messages.isEmpty())) {
      payload = MemorySegment.ofArray(new byte[(int) send.bytes()]).copyFrom(payload);
      send.complete();
    }
    messages.add(new Message(send, payload, arrival));
    match(now);
  }

  synchronized void receive(Transfer receive) {
    if (broken != null) {
      receive.fail(broken);
      return;
    }
    receives.add(receive);
    match(System.nanoTime());
  }

  /** Delivers the messages that have arrived and returns their number. */
  int poll() {
    if (!matched) {
      return 0;
    }
    synchronized (this) {
      return match(System.nanoTime());
    }
  }

  /** Time until {@link #poll} can make progress, if it only waits for time to pass. */
  long idleNanos() {
    if (!matched) {
      return NEVER;
    }
    synchronized (this) {
      Message message = messages.peek();
      if (message == null || receives.isEmpty() || silent()) {
        return NEVER;
      }
      return Math.max(1, message.atNanos + faults.lateNanos(from) - System.nanoTime());
    }
  }

  private boolean silent() {
    return faults.isSilent(from) || faults.isSilent(to);
  }

  private int match(long now) {
    int delivered = 0;
    Message message = messages.peek();
    Transfer receive = receives.peek();
    while (message != null && receive != null) {
      if (silent() || message.atNanos + faults.lateNanos(from) > now) {
        break;
      }
      if (!agree(message.send, receive)) {
        return delivered;
      }
      messages.remove();
      receives.remove();
      MemorySegment.copy(message.payload, 0, receive.segment(), 0, receive.bytes());
      receive.complete();
      message.send.complete();
      delivered++;
      message = messages.peek();
      receive = receives.peek();
    }
    if (ended != null && message == null) {
      cut(ended);
      return delivered;
    }
    boolean nowMatched = message != null && receive != null;
    if (nowMatched && !matched) {
      wakeBoth();
    }
    matched = nowMatched;
    return delivered;
  }

  /** A waiting thread that parked before the match does not know how long to sleep. */
  private void wakeBoth() {
    if (sender != null && receiver != null) {
      sender.wakeUp();
      receiver.wakeUp();
    }
  }

  private boolean agree(Transfer send, Transfer receive) {
    if (send.tag() == receive.tag() && send.bytes() == receive.bytes()) {
      return true;
    }
    String difference =
        "rank %d sent tag %s of %d bytes where rank %d receives tag %s of %d bytes"
            .formatted(
                from,
                Integer.toHexString(send.tag()),
                send.bytes(),
                to,
                Integer.toHexString(receive.tag()),
                receive.bytes());
    cut(difference);
    return false;
  }

  /** Fails all transfers, present and future. */
  synchronized void cut(String reason) {
    if (broken == null) {
      broken = reason;
    }
    for (Message message : messages) {
      message.send.fail(broken);
    }
    for (Transfer receive : receives) {
      receive.fail(broken);
    }
    messages.clear();
    receives.clear();
    matched = false;
  }

  /** The sender closes: its buffered messages stay, everything else fails. */
  synchronized void endOfSends(String reason) {
    if (broken == null) {
      ended = reason;
      messages.removeIf(message -> !message.buffered() && message.send.fail(reason));
      match(System.nanoTime());
    }
  }

  synchronized void withdraw(Transfer transfer, String reason) {
    if (transfer.isSend()) {
      messages.removeIf(message -> message.send == transfer);
    } else {
      receives.remove(transfer);
    }
    transfer.fail(reason);
  }

  @Override
  public String toString() {
    return "link from rank " + from + " to rank " + to + ", " + channel;
  }
}
