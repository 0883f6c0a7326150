package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.layout.TokenRange;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecallDocumentsTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void eachKeyComesOnceMoreInTheSecondHalfWithItsValue() {
    RecallDocuments recall = RecallDocuments.of(0, "mqar:pairs=7,length=61,documents=50");
    for (int d = 0; d < recall.documents(); d++) {
      byte[] tokens = recall.document(d).tokens();
      BitSet labelled = recall.document(d).labelled();
      assertEquals(61, tokens.length);
      assertNotNull(labelled);
      assertEquals(7, labelled.cardinality());
      assertTrue(labelled.nextSetBit(0) >= 30, "a query is in the first half");
      Map<Byte, Byte> valueOf = new HashMap<>();
      for (int p = 0; p < 7; p++) {
        assertTrue(tokens[2 * p] >= 0 && tokens[2 * p + 1] < 0, "keys are below 128, values not");
        valueOf.put(tokens[2 * p], tokens[2 * p + 1]);
      }
      assertEquals(7, new HashSet<>(valueOf.values()).size());
      Set<Byte> asked = new HashSet<>();
      for (int t = labelled.nextSetBit(0); t >= 0; t = labelled.nextSetBit(t + 1)) {
        assertEquals(valueOf.get(tokens[t]), tokens[t + 1]);
        asked.add(tokens[t]);
      }
      assertEquals(valueOf.keySet(), asked);
      for (int t = 14; t < 61; t++) {
        boolean answer = labelled.get(t) || labelled.get(t - 1);
        assertEquals(answer, valueOf.containsKey(tokens[t]) || valueOf.containsValue(tokens[t]));
      }
    }
  }

  /** After store, packing and feed only the queries have labels, and they are counted. */
  @Test
  void rowsHaveLabelsAtTheQueriesOnly() {
    DatasetSpec dataset =
        DatasetSpec.of(List.of(DatasetSpec.Source.of("mqar:pairs=3,length=32,documents=40")))
            .with("holdout", 0.1);
    DataPlaces places = new DataPlaces(folder, folder.resolve("cache"), folder, null);
    for (int again = 0; again < 2; again++) {
      try (TokenStore store =
          DataPreparation.prepare(dataset, places, new ByteTokenizer(), PrepareListener.NONE)) {
        Feed feed = Feed.of(store, dataset, 32, 4, 0, 1);
        assertTrue(feed.isTask());
        assertEquals(4, feed.heldOutRows());
        BatchShape batch = feed.shape(2);
        assertEquals(4 * 3, batch.labelled());
        for (RowShape row : batch.rows()) {
          int[] tokens = new int[32];
          int[] labels = new int[32];
          feed.read(
              row,
              new TokenRange(0, 32),
              MemorySegment.ofArray(tokens),
              MemorySegment.ofArray(labels));
          int queries = 0;
          for (int t = 0; t < 32; t++) {
            if (labels[t] != Feed.NO_LABEL) {
              assertEquals(tokens[t + 1], labels[t]);
              assertTrue(t >= 16);
              queries++;
            }
          }
          assertEquals(3, queries);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mqar:",
        "mqar:pairs=3",
        "mqar:pairs=3,length=11,documents=4",
        "mqar:pairs=0,length=64,documents=4",
        "mqar:pairs=127,length=640,documents=4",
        "mqar:pairs=3,length=64,documents=0",
        "mqar:pears=3,length=64,documents=4",
        "mqar:pairs=-3,length=64,documents=4",
        "mqar:pairs=3,length=99999999,documents=4"
      })
  void whatIsWrongIsNamed(String path) {
    DataException e = assertThrows(DataException.class, () -> RecallDocuments.of(0, path));
    assertTrue(e.getMessage().contains(path), e.getMessage());
  }
}
