package dev.gyre.comms.aeron;

import dev.gyre.comms.Channel;
import dev.gyre.comms.CommsException;
import dev.gyre.comms.Transfer;
import io.aeron.Subscription;
import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Connection to one peer: a log to it, a log from it, and the channels in them. Guarded by the
 * transport's lock.
 */
final class PeerLink {
  private static final Channel[] CHANNELS = Channel.values();

  /** Fragments read from one log before the next peer is served. */
  private static final int FRAGMENT_LIMIT = 32;

  private final int peer;
  private final Identity identity;
  private final LogWriter writer;
  private final Subscription subscription;
  private final RankFutexes futexes;
  private final FragmentHandler handler = this::onFragment;
  private final Frame frame = new Frame(new UnsafeBuffer(0, 0));
  private final Outbox[] outboxes = new Outbox[CHANNELS.length];
  private final Inbox[] inboxes = new Inbox[CHANNELS.length];
  private boolean greeted;
  private long refused;
  private @Nullable String gone;

  PeerLink(
      int self,
      int peer,
      Identity identity,
      LogWriter writer,
      Subscription subscription,
      Slabs slabs,
      SlabCopy copier,
      RankFutexes futexes,
      boolean byReference) {
    this.peer = peer;
    this.identity = identity;
    this.writer = writer;
    this.subscription = subscription;
    this.futexes = futexes;
    for (Channel channel : CHANNELS) {
      outboxes[channel.code()] = new Outbox(channel, writer, slabs, byReference);
      inboxes[channel.code()] = new Inbox(self, peer, channel, writer, slabs, copier);
    }
  }

  int peer() {
    return peer;
  }

  /**
   * Whether both ranks have greeted each other. The peer of a short program may already have left.
   */
  boolean isJoined() {
    return greeted && writer.isEmpty();
  }

  boolean isGone() {
    return gone != null;
  }

  /** Number of dropped frames of another run or epoch. */
  long refused() {
    return refused;
  }

  void greet() {
    writer.add(Outgoing.text(Frame.Kind.HELLO, null, Inbox.text("", 0)));
  }

  void start(Transfer transfer) {
    int channel = transfer.channel().code();
    try {
      if (transfer.isSend()) {
        outboxes[channel].send(transfer);
      } else {
        inboxes[channel].receive(transfer);
      }
    } catch (RuntimeException failed) {
      failWith(failed);
    }
    write();
  }

  void release(Transfer receive) {
    if (gone == null) {
      inboxes[receive.channel().code()].release(receive);
      write();
    }
  }

  /** Every error fails the transfers, so that they do not wait for their deadline. */
  private void failWith(RuntimeException failed) {
    fail(failed instanceof CommsException ? String.valueOf(failed.getMessage()) : "" + failed);
  }

  /** Reads and writes as much as possible. Returns a work count. */
  int work() {
    return subscription.poll(handler, FRAGMENT_LIMIT) + write();
  }

  private int write() {
    try {
      int written = writer.write();
      if (written > 0) {
        futexes.wake(peer);
      }
      return written;
    } catch (IllegalStateException ended) {
      failWith(ended);
      return 1;
    }
  }

  boolean hasWrittenAll() {
    return writer.isEmpty();
  }

  private void onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    frame.wrap(buffer, offset, length);
    if (!frame.isWellFormed() || !identity.owns(frame)) {
      refused++;
      return;
    }
    if (identity.checksums() && !frame.isSound()) {
      fail(
          "a message from rank %d arrived with a wrong checksum: its content cannot be trusted"
              .formatted(peer));
      return;
    }
    if (gone == null) {
      try {
        onFrame();
      } catch (RuntimeException failed) {
        failWith(failed);
      }
    }
  }

  private void onFrame() {
    Outbox outbox = outboxes[frame.channel()];
    Inbox inbox = inboxes[frame.channel()];
    switch (frame.kind()) {
      case HELLO -> greeted = true;
      case EAGER -> inbox.eager(frame);
      case OFFER -> inbox.offer(frame);
      case DATA -> inbox.data(frame);
      case GRANT -> outbox.granted(frame.sequence());
      case DONE -> outbox.done(frame.sequence());
      case TAKEN -> outbox.taken(frame.sequence());
      case FAIL -> outbox.fail(frame.text());
      case ABORT -> fail("rank " + peer + " aborted: " + frame.text());
      case BYE -> end("rank " + peer + " has closed its transport");
    }
  }

  private void end(String reason) {
    gone = reason;
    for (Channel channel : CHANNELS) {
      outboxes[channel.code()].fail(reason);
      inboxes[channel.code()].end(reason);
    }
  }

  /** Fails all transfers with this peer, present and future. */
  void fail(String reason) {
    gone = reason;
    for (Channel channel : CHANNELS) {
      outboxes[channel.code()].fail(reason);
      inboxes[channel.code()].fail(reason);
    }
  }

  /** Fails one channel in one direction, on this side. */
  void withdraw(Transfer transfer, String reason) {
    int channel = transfer.channel().code();
    if (transfer.isSend()) {
      outboxes[channel].fail(reason);
    } else {
      inboxes[channel].fail(reason);
    }
  }

  /** Tells the peer why nothing follows; false if its log has no room for the frame now. */
  boolean sayLast(Frame.Kind kind, String reason) {
    try {
      boolean written =
          writer.writeLast(Outgoing.text(kind, null, Inbox.text(reason, writer.chunkBytes())));
      futexes.wake(peer);
      return written;
    } catch (IllegalStateException ended) {
      failWith(ended);
      return true;
    }
  }

  void close() {
    subscription.close();
    writer.close();
  }
}
