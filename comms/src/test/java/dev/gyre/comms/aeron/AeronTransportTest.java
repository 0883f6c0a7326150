package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.BorrowedReceive;
import dev.gyre.comms.Channel;
import dev.gyre.comms.Cluster;
import dev.gyre.comms.CommsException;
import dev.gyre.comms.Pending;
import dev.gyre.comms.Transport;
import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Behaviour that only this transport has: processes, epochs, checksums, missing ranks. */
class AeronTransportTest {
  private static final Duration PATIENT = AeronCluster.PATIENT;
  private static final Duration SHORT = Duration.ofMillis(500);

  @Test
  void missingRanksAreNamed() {
    try (AeronCluster cluster = AeronCluster.ipc(3, SHORT)) {
      CommsException failed = assertThrows(CommsException.class, () -> cluster.open(1));
      assertMentions(failed, "rank 1 waits for rank 0, rank 2", "run 'test'", "epoch 1", "0.5 s");
    }
  }

  @Test
  void aMissingDriverIsNamed(@TempDir Path empty) {
    AeronOptions options = AeronOptions.ipc("run", 0, 0, 2, empty, SHORT.toNanos());
    CommsException failed =
        assertThrows(CommsException.class, () -> AeronTransport.open(options, _ -> {}));
    assertMentions(failed, "no media driver", empty.toString());
  }

  @Test
  void aPortInUseIsNamed() throws Exception {
    try (AeronCluster cluster = AeronCluster.udp(2, SHORT)) {
      String endpoint = cluster.options(0, 1).endpoints().getFirst();
      int port = Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
      try (var taken =
          new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))) {
        assertTrue(taken.isBound());
        CommsException failed = assertThrows(CommsException.class, () -> cluster.open(0));
        assertMentions(failed, endpoint);
      }
    }
  }

  /** The borrower sees what the sender writes later, so nothing was copied. */
  @Test
  void aLoanIsTheSendersMemoryUntilItsRelease() throws Exception {
    try (AeronCluster cluster = AeronCluster.ipc(2, PATIENT)) {
      cluster.run(
          transport -> {
            MemorySegment data = transport.allocate("data", 1 << 20);
            MemorySegment turn = transport.allocate("turn", 8);
            if (transport.rank() == 0) {
              Pending sent = transport.send(1, Channel.SEQUENCE, 1, data);
              transport.receive(1, Channel.CONTROL, 1, turn).await();
              assertFalse(sent.poll());
              data.set(ValueLayout.JAVA_INT, 4000, 77);
              transport.send(1, Channel.CONTROL, 2, turn).await();
              sent.await();
            } else {
              BorrowedReceive borrowed = transport.borrow(0, Channel.SEQUENCE, 1, data);
              borrowed.await();
              assertEquals(0, borrowed.payload().get(ValueLayout.JAVA_INT, 4000));
              transport.send(0, Channel.CONTROL, 1, turn).await();
              transport.receive(0, Channel.CONTROL, 2, turn).await();
              assertEquals(77, borrowed.payload().get(ValueLayout.JAVA_INT, 4000));
              assertEquals(0, data.get(ValueLayout.JAVA_INT, 4000));
              borrowed.release();
            }
            return true;
          });
    }
  }

  /** One rank is still in epoch 1 while the other is in epoch 2. */
  @Test
  void ranksOfTwoEpochsDoNotMeet() throws Exception {
    try (AeronCluster cluster = AeronCluster.ipc(2, SHORT)) {
      Cluster mixed =
          new Cluster() {
            @Override
            public int size() {
              return 2;
            }

            @Override
            public Transport open(int rank) {
              return AeronTransport.open(cluster.options(rank, rank + 1), _ -> {});
            }

            @Override
            public void close() {}
          };
      for (Cluster.Outcome<Boolean> outcome : mixed.outcomes(transport -> true)) {
        assertInstanceOf(CommsException.class, outcome.thrown());
      }
    }
  }

  /** Writes a frame of another run or an earlier epoch, or a damaged one, into the log. */
  private static void inject(
      AeronCluster cluster, int run, int epoch, boolean damaged, Channel channel) {
    Channels channels = new Channels(cluster.options(0, 1));
    int length = Frame.HEADER_BYTES + 4;
    UnsafeBuffer frame = new UnsafeBuffer(ByteBuffer.allocateDirect(length));
    Frame.write(frame, 0, Frame.Kind.EAGER, channel.code(), run, epoch, 0);
    Frame.writeMessage(frame, 0, 5, -1, 0, 4, 0);
    Frame.seal(frame, 0, length, new CRC32C());
    if (damaged) {
      frame.putByte(Frame.HEADER_BYTES, (byte) 1);
    }
    String driver = RunMediaDriver.driverFolder(cluster.folder()).toString();
    Aeron.Context context =
        new Aeron.Context().aeronDirectoryName(driver).epochClock(AeronClocks.MONOTONIC.millis());
    try (Aeron aeron = Aeron.connect(context);
        ExclusivePublication log =
            aeron.addExclusivePublication(channels.publication(1), channels.stream(0, 1))) {
      long deadline = System.nanoTime() + PATIENT.toNanos();
      while (log.offer(frame) < 0) {
        assertTrue(System.nanoTime() < deadline, "no subscriber");
        LockSupport.parkNanos(100_000);
      }
    }
  }

  @Test
  void framesOfAnotherRunOrEpochAreRefused() throws Exception {
    int run = "test".hashCode();
    try (AeronCluster cluster = AeronCluster.ipc(2, PATIENT)) {
      cluster.run(
          transport -> {
            MemorySegment data = transport.allocate("data", 4);
            if (transport.rank() == 0) {
              inject(cluster, run, 0, false, Channel.SEQUENCE);
              inject(cluster, run + 1, 1, false, Channel.SEQUENCE);
              transport.send(1, Channel.SEQUENCE, 5, data.fill((byte) 9)).await();
            } else {
              transport.receive(0, Channel.SEQUENCE, 5, data).await();
              assertEquals(9, data.get(ValueLayout.JAVA_BYTE, 3));
            }
            return true;
          });
    }
  }

  @Test
  void damageOnTheWireIsNamed() throws Exception {
    try (AeronCluster cluster = AeronCluster.udp(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment data = transport.allocate("data", 4);
                if (transport.rank() == 0) {
                  inject(cluster, "test".hashCode(), 1, true, Channel.SEQUENCE);
                } else {
                  transport.receive(0, Channel.SEQUENCE, 5, data).await();
                }
                return true;
              });
      CommsException failed = assertInstanceOf(CommsException.class, outcomes.get(1).thrown());
      assertMentions(failed, "rank 0", "checksum");
    }
  }

  /** The failure comes long before the deadline, after two processes have exchanged a megabyte. */
  @Test
  void aKilledProcessIsNamedAtOnce() throws Exception {
    try (RunMediaDriver driver = RunMediaDriver.launch(AeronCluster.PARENT, "killed", 2, false)) {
      String folder = driver.folder().toString();
      Process peer = RankProcess.start(driver.folder());
      try (Transport transport = AeronTransport.open(RankProcess.options(0, folder), _ -> {})) {
        MemorySegment data = transport.allocate("data", RankProcess.BYTES);
        transport.send(1, Channel.SEQUENCE, 1, data.fill((byte) 21)).await();
        transport.receive(1, Channel.SEQUENCE, 2, data).await();
        assertEquals(-1, data.mismatch(data.asSlice(0).fill((byte) 42)));
        Pending receive = transport.receive(1, Channel.SEQUENCE, 4, data);
        long start = System.nanoTime();
        peer.destroyForcibly();
        CommsException failed = assertThrows(CommsException.class, receive::await);
        assertMentions(failed, "rank 1 is gone", "process " + peer.pid());
        assertEquals(1, failed.peer());
        assertTrue(System.nanoTime() - start < 20_000_000_000L);
      } finally {
        peer.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  void whatWasSentAheadOutlivesItsSender() throws Exception {
    try (AeronCluster cluster = AeronCluster.ipc(2, PATIENT)) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment data = transport.allocate("data", 4);
                if (transport.rank() == 0) {
                  transport.send(1, Channel.CONTROL, 0, data.fill((byte) 5)).await();
                  transport.close();
                } else {
                  transport.receive(0, Channel.CONTROL, 0, data).await();
                  assertEquals(5, data.get(ValueLayout.JAVA_BYTE, 3));
                  transport.receive(0, Channel.CONTROL, 1, data).await();
                }
                return true;
              });
      CommsException failed = assertInstanceOf(CommsException.class, outcomes.get(1).thrown());
      assertMentions(failed, "rank 0 has closed its transport");
    }
  }

  /** The launcher ends while its ranks wait. */
  @Test
  void aDriverThatEndsIsNamedAtOnce() throws Exception {
    RunMediaDriver driver = RunMediaDriver.launch(AeronCluster.PARENT, "ended", 2, false);
    AtomicInteger open = new AtomicInteger();
    List<Cluster.Outcome<Boolean>> outcomes;
    try (Cluster cluster =
        new Cluster() {
          @Override
          public int size() {
            return 2;
          }

          @Override
          public Transport open(int rank) {
            return AeronTransport.open(
                AeronOptions.ipc("ended", 1, rank, 2, driver.folder(), PATIENT.toNanos()), _ -> {});
          }

          @Override
          public void close() {
            driver.close();
          }
        }) {
      outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment data = transport.allocate("data", 4);
                if (open.incrementAndGet() == 2) {
                  driver.close();
                }
                transport.receive(1 - transport.rank(), Channel.CONTROL, 0, data).await();
                return true;
              });
    }
    for (Cluster.Outcome<Boolean> outcome : outcomes) {
      CommsException failed = assertInstanceOf(CommsException.class, outcome.thrown());
      assertFalse(failed.getMessage().contains("did not answer within"), failed.getMessage());
    }
    assertTrue(
        outcomes.stream()
            .anyMatch(o -> o.thrown().getMessage().contains("media driver has ended")));
  }

  /** All processes are suspended for ten hours, and then continue. */
  @Test
  void aLongSuspensionEndsNothing() throws Exception {
    AtomicLong suspended = new AtomicLong();
    AeronClocks clocks = AeronClocks.of(() -> System.nanoTime() + suspended.get());
    for (AeronCluster cluster :
        List.of(AeronCluster.ipc(2, PATIENT, clocks), AeronCluster.udp(2, PATIENT, clocks))) {
      try (cluster) {
        cluster.run(
            transport -> {
              MemorySegment data = transport.allocate("data", 100_000);
              MemorySegment other = transport.allocate("other", 100_000);
              int peer = 1 - transport.rank();
              for (int hop = 0; hop < 20; hop++) {
                if (hop == 10 && transport.rank() == 0) {
                  suspended.addAndGet(TimeUnit.HOURS.toNanos(10));
                }
                if (hop >= 10) {
                  // The driver checks for silent clients once a second.
                  LockSupport.parkNanos(200_000_000L);
                }
                Pending send = transport.send(peer, Channel.SEQUENCE, hop, data);
                transport.receive(peer, Channel.SEQUENCE, hop, other).await();
                send.await();
              }
              return true;
            });
      }
    }
  }

  /** A rank in another PID namespace: here its PID belongs to another process. */
  @Test
  void aPeerOfAnotherPidNamespaceIsNotWatched(@TempDir Path folder) throws Exception {
    Process ended = new ProcessBuilder("sleep", "60").start();
    PeerProcesses stranger = new PeerProcesses(AeronOptions.ipc("run", 0, 1, 3, folder, 1));
    stranger.announce(ended.pid(), "pid:[1]");
    PeerProcesses neighbour = new PeerProcesses(AeronOptions.ipc("run", 0, 2, 3, folder, 1));
    neighbour.announceSelf();
    PeerProcesses watching = new PeerProcesses(AeronOptions.ipc("run", 0, 0, 3, folder, 1));
    watching.findPeers();
    ended.destroyForcibly().waitFor();
    assertNull(watching.obituary(1));
    assertNull(watching.obituary(2));
  }

  /** An aborting rank sends its reason; its peers get it without waiting for a deadline. */
  @Test
  void anAbortReachesThePeers() throws Exception {
    for (AeronCluster cluster :
        List.of(AeronCluster.ipc(3, PATIENT), AeronCluster.udp(3, PATIENT))) {
      try (cluster) {
        List<Cluster.Outcome<Boolean>> outcomes =
            cluster.outcomes(
                transport -> {
                  MemorySegment data = transport.allocate("data", 100_000);
                  if (transport.rank() == 2) {
                    throw new IllegalStateException("a NaN in layer 3");
                  }
                  transport.receive(2, Channel.GRADIENTS, 0, data).await();
                  return true;
                });
        for (int rank = 0; rank < 2; rank++) {
          CommsException failed =
              assertInstanceOf(CommsException.class, outcomes.get(rank).thrown());
          assertMentions(failed, "rank 2 aborted", "a NaN in layer 3");
        }
      }
    }
  }

  /** At the time of the abort the log is full of payload that nobody reads. */
  @Test
  void anAbortReachesThePeerThroughAFullLog() throws Exception {
    CountDownLatch arriving = new CountDownLatch(1);
    CountDownLatch aborting = new CountDownLatch(1);
    try (AeronCluster cluster = AeronCluster.ipc(2, PATIENT);
        Arena arena = Arena.ofShared()) {
      List<Cluster.Outcome<Boolean>> outcomes =
          cluster.outcomes(
              transport -> {
                MemorySegment data = arena.allocate(8 << 20);
                if (transport.rank() == 0) {
                  Pending send = transport.send(1, Channel.SEQUENCE, 0, data.fill((byte) 1));
                  while (arriving.getCount() > 0) {
                    assertFalse(send.poll());
                  }
                  while (transport.progress() > 0 || !quiet(transport)) {
                    assertFalse(send.poll());
                  }
                  aborting.countDown();
                  throw new IllegalStateException("the end");
                }
                Pending receive = transport.receive(0, Channel.SEQUENCE, 0, data);
                while (data.get(ValueLayout.JAVA_BYTE, 0) == 0) {
                  assertFalse(receive.poll());
                }
                arriving.countDown();
                assertTrue(aborting.await(PATIENT.toSeconds(), TimeUnit.SECONDS));
                receive.await();
                return true;
              });
      CommsException failed = assertInstanceOf(CommsException.class, outcomes.get(1).thrown());
      assertMentions(failed, "rank 0 aborted", "the end");
    }
  }

  /** Whether there is no progress after 20 ms, many times what the driver needs to make room. */
  private static boolean quiet(Transport transport) {
    LockSupport.parkNanos(20_000_000);
    return transport.progress() == 0;
  }

  /** Payload outside any slab waits for its receive, even though the log has room for it. */
  @Test
  void payloadWithoutASlabIsNotReadBeforeItsReceive() throws Exception {
    try (AeronCluster cluster = AeronCluster.ipc(2, PATIENT);
        Arena arena = Arena.ofShared()) {
      cluster.run(
          transport -> {
            MemorySegment data = arena.allocate(100_000);
            MemorySegment turn = transport.allocate("turn", 1);
            if (transport.rank() == 0) {
              Pending send = transport.send(1, Channel.SEQUENCE, 0, data);
              transport.send(1, Channel.CONTROL, 0, turn).await();
              transport.receive(1, Channel.CONTROL, 0, turn).await();
              assertFalse(send.poll());
              data.fill((byte) 3);
              transport.send(1, Channel.CONTROL, 0, turn).await();
              send.await();
            } else {
              transport.receive(0, Channel.CONTROL, 0, turn).await();
              transport.send(0, Channel.CONTROL, 0, turn).await();
              transport.receive(0, Channel.CONTROL, 0, turn).await();
              transport.receive(0, Channel.SEQUENCE, 0, data).await();
              assertEquals(3, data.get(ValueLayout.JAVA_BYTE, 99_999));
            }
            return true;
          });
    }
  }

  @Test
  void optionsNameWhatIsWrong() {
    Path folder = Path.of("x");
    assertThrows(IllegalArgumentException.class, () -> AeronOptions.ipc("r", 0, 0, 0, folder, 1));
    assertThrows(
        IllegalArgumentException.class, () -> AeronOptions.ipc("r", 40_000, 0, 2, folder, 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> AeronOptions.ipc("r", 0, 0, 2, folder, RunMediaDriver.LIVENESS_NANOS));
    assertThrows(
        IllegalArgumentException.class,
        () -> new AeronOptions("r", 0, 0, 3, folder, 1, 1, List.of("a:1", "b:2")));
    AeronOptions noPort = AeronOptions.udp("r", 0, 0, folder, 1, List.of("127.0.0.1", "b:2"));
    assertThrows(IllegalArgumentException.class, () -> new Channels(noPort));
  }

  private static void assertMentions(CommsException failed, String... parts) {
    for (String part : parts) {
      assertTrue(String.valueOf(failed.getMessage()).contains(part), failed.getMessage());
    }
  }
}
