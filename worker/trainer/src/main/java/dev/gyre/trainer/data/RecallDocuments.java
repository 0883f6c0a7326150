package dev.gyre.trainer.data;

import dev.gyre.trainer.data.DocumentReader.Batch;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/**
 * Documents of multi-query associative recall. A document starts with pairs of a key and a value.
 * In its second half each key occurs once more, followed by its value; only there is a label. The
 * value can only be known from the pairs, so the task measures the use of far context.
 *
 * <p>Tokens are bytes: keys below 128, values from 128 on, both drawn without replacement. A key is
 * repeated in one of the two-token slots of the second half, slot i (from 1) with weight i^(a − 1),
 * a = 0.01. All other tokens are random. Source: Arora et al., Zoology, appendix on MQAR; there
 * queries follow the pairs at once.
 *
 * @param source index of the source in the job
 * @param pairs keys, and values
 * @param length tokens of a document
 */
record RecallDocuments(int source, int pairs, int length, int documents) {
  /** Prefix of a source's path. */
  static final String SCHEME = "mqar:";

  private static final int FIRST_VALUE = 128;
  private static final int VOCABULARY = 256;
  private static final double POWER = 0.01 - 1;
  private static final Set<String> KEYS = Set.of("pairs", "length", "documents");

  /** A batch's documents, in bytes. */
  private static final int BATCH_BYTES = 256 << 10;

  /** A document is made in memory, and each of its slots is weighed for each pair. */
  private static final int MAX_LENGTH = 16 << 20;

  /**
   * @param path such as {@code mqar:pairs=8,length=512,documents=20000}
   * @throws DataException naming what is wrong with it
   */
  static RecallDocuments of(int source, String path) {
    Map<String, Integer> values = new HashMap<>();
    for (String part : path.substring(SCHEME.length()).split(",", -1)) {
      int equals = part.indexOf('=');
      String key = equals < 0 ? part : part.substring(0, equals);
      if (!KEYS.contains(key) || !part.substring(equals + 1).matches("\\d{1,9}")) {
        throw bad(path, "'" + part + "' is not one of pairs=, length=, documents= with a number");
      }
      values.put(key, Integer.valueOf(part.substring(equals + 1)));
    }
    if (values.size() < KEYS.size()) {
      throw bad(path, "give all three, such as mqar:pairs=8,length=512,documents=20000");
    }
    RecallDocuments recall =
        new RecallDocuments(
            source,
            values.getOrDefault("pairs", 0),
            values.getOrDefault("length", 0),
            values.getOrDefault("documents", 0));
    if (recall.pairs < 1 || recall.pairs >= FIRST_VALUE - 1 || recall.documents < 1) {
      throw bad(path, "pairs must be from 1 to 126, documents at least 1");
    }
    if (recall.length > MAX_LENGTH) {
      throw bad(path, "length %,d is over the limit, %,d".formatted(recall.length, MAX_LENGTH));
    }
    if (recall.length < 4 * recall.pairs) {
      throw bad(
          path,
          "%d pairs and as many queries, each in a half of its own, need a length of at least %d"
              .formatted(recall.pairs, 4 * recall.pairs));
    }
    return recall;
  }

  private static DataException bad(String path, String problem) {
    return new DataException("dataset.train: " + path + ": " + problem);
  }

  /** Everything the documents depend on. */
  String id() {
    return SCHEME + "1 pairs %d length %d documents %d".formatted(pairs, length, documents);
  }

  long bytes() {
    return (long) documents * length;
  }

  /**
   * Batches of all documents, in order.
   *
   * @param file index that stands for the files of other sources
   */
  Iterator<Batch> batches(int file) {
    int atOnce = Math.max(1, BATCH_BYTES / length);
    return new Iterator<>() {
      private int next;

      @Override
      public boolean hasNext() {
        return next < documents;
      }

      @Override
      public Batch next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        int first = next;
        int count = Math.min(atOnce, documents - first);
        next += count;
        return new Batch(file, (long) count * length, () -> batch(file, first, count));
      }
    };
  }

  private EncodedBatch batch(int file, int first, int count) {
    EncodedBatch batch = new EncodedBatch(1, count * length);
    for (int d = first; d < first + count; d++) {
      Document made = document(d);
      batch.put(made.tokens, 0, length);
      batch.end(file, d - first + 1, made.labelled);
      batch.addText(length);
    }
    batch.addLines(count);
    return batch;
  }

  /**
   * A generated document.
   *
   * @param labelled tokens whose next token is a label
   */
  record Document(byte[] tokens, BitSet labelled) {}

  Document document(int number) {
    long key = Hashing.hash(pairs, Hashing.RECALL, length, number);
    int[] keys = range(0, FIRST_VALUE);
    int[] values = range(FIRST_VALUE, VOCABULARY);
    Hashing.shuffle(keys, 0, keys.length, Hashing.mix(key - 1));
    Hashing.shuffle(values, 0, values.length, Hashing.mix(key - 2));
    byte[] tokens = new byte[length];
    for (int t = 0; t < length; t++) {
      tokens[t] = (byte) filler(keys, values, Hashing.mix(key + t));
    }
    for (int p = 0; p < pairs; p++) {
      tokens[2 * p] = (byte) keys[p];
      tokens[2 * p + 1] = (byte) values[p];
    }
    BitSet labelled = new BitSet(length);
    int second = length / 2;
    int[] slots = slots((length - second) / 2, Hashing.mix(key - 3));
    for (int p = 0; p < pairs; p++) {
      int at = second + 2 * slots[p];
      tokens[at] = (byte) keys[p];
      tokens[at + 1] = (byte) values[p];
      labelled.set(at);
    }
    return new Document(tokens, labelled);
  }

  /** A random byte that is neither a key nor a value of the document. */
  private int filler(int[] keys, int[] values, long random) {
    int left = FIRST_VALUE - pairs;
    int at = pairs + (int) ((random >>> 33) % left);
    return (random & 1) == 0 ? keys[at] : values[at];
  }

  private static int[] range(int from, int to) {
    int[] values = new int[to - from];
    for (int i = 0; i < values.length; i++) {
      values[i] = from + i;
    }
    return values;
  }

  /** As many distinct slots out of {@code count} as there are pairs, near ones more likely. */
  private int[] slots(int count, long key) {
    double[] weight = new double[count];
    double left = 0;
    for (int i = 0; i < count; i++) {
      weight[i] = StrictMath.pow(i + 1, POWER);
      left += weight[i];
    }
    int[] drawn = new int[pairs];
    for (int p = 0; p < pairs; p++) {
      double aim = Hashing.unit(Hashing.mix(key + p)) * left;
      int slot = -1;
      for (int i = 0; i < count && aim >= 0; i++) {
        if (weight[i] > 0) {
          aim -= weight[i];
          slot = i;
        }
      }
      left -= weight[slot];
      weight[slot] = 0;
      drawn[p] = slot;
    }
    return drawn;
  }
}
