package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Streams of the most ranks that a transport connects. */
class ChannelsTest {
  private static final Path FOLDER = Path.of("folder");

  private static Channels ipc(int epoch, int ranks) {
    return new Channels(AeronOptions.ipc("run", epoch, 0, ranks, FOLDER, 1));
  }

  private static Channels udp(int epoch, int ranks) {
    List<String> endpoints = Collections.nCopies(ranks, "localhost:1");
    return new Channels(AeronOptions.udp("run", epoch, 0, FOLDER, 1, endpoints));
  }

  @Test
  void everyPairOnAHostHasAStreamOfItsOwn() {
    Channels channels = ipc(3, AeronOptions.IPC.mostRanks());
    Set<Integer> streams = new HashSet<>();
    for (int from = 0; from < AeronOptions.IPC.mostRanks(); from++) {
      for (int to = 0; to < AeronOptions.IPC.mostRanks(); to++) {
        assertTrue(streams.add(channels.stream(from, to)), from + " to " + to);
      }
    }
    Channels next = ipc(4, AeronOptions.IPC.mostRanks());
    assertFalse(streams.contains(next.stream(0, 0)));
  }

  /** Each receiver has an address of its own. */
  @Test
  void everySenderToAnAddressHasAStreamOfItsOwn() {
    int ranks = AeronOptions.UDP.mostRanks();
    Channels channels = udp(3, ranks);
    Set<Integer> streams = new HashSet<>();
    for (int from = 0; from < ranks; from++) {
      assertTrue(streams.add(channels.stream(from, 7)), "from " + from);
    }
    assertFalse(streams.contains(udp(4, ranks).stream(0, 7)));
  }

  @Test
  void moreRanksAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> ipc(0, AeronOptions.IPC.mostRanks() + 1));
    assertThrows(IllegalArgumentException.class, () -> udp(0, AeronOptions.UDP.mostRanks() + 1));
  }
}
