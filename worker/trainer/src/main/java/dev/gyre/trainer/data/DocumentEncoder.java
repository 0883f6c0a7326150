package dev.gyre.trainer.data;

import dev.gyre.trainer.data.DocumentReader.Encoded;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/** Text to stored tokens. Holds no state of a document: many threads share one. */
final class DocumentEncoder {
  /** A zero byte among the first bytes means binary: git checks as many. */
  private static final int LOOKED_AT = 8000;

  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private final Tokenizer tokenizer;
  private final int tokenWidth;
  private final ObjectReader json = JsonMapper.shared().readerFor(JsonNode.class);

  DocumentEncoder(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
    this.tokenWidth = tokenWidth(tokenizer.vocabSize());
  }

  /** Bytes of a stored token. */
  static int tokenWidth(int vocabSize) {
    if (vocabSize <= 1 << 8) {
      return 1;
    }
    return vocabSize <= 1 << 16 ? 2 : 4;
  }

  Encoded files(List<SourceFile> files, Function<SourceFile, byte[]> read) {
    Collected collected = new Collected();
    for (SourceFile file : files) {
      collected.add(file, file.name(), read.apply(file));
    }
    return collected.encoded();
  }

  /**
   * @param firstLine number of the first of these lines, from 1
   */
  Encoded lines(SourceFile file, int firstLine, List<String> lines) {
    Collected collected = new Collected();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (firstLine + i == 1 && line.startsWith(BYTE_ORDER_MARK)) {
        line = line.substring(1); // some Windows programs write it at the start of a file
      }
      if (!line.isBlank()) {
        int number = firstLine + i;
        byte[] text = text(file, number, line).getBytes(StandardCharsets.UTF_8);
        collected.add(file, file.name() + ":" + number, text);
      }
    }
    return collected.encoded();
  }

  private String text(SourceFile file, int number, String line) {
    String where = "dataset.train: " + file.shown() + ":" + number + ": ";
    JsonNode object;
    try {
      object = json.readTree(line);
    } catch (JacksonException e) {
      throw new DataException(where + "not JSON: " + e.getOriginalMessage(), e);
    }
    if (!object.isObject()) {
      throw new DataException(where + "a JSON object is wanted, this is another kind of value");
    }
    JsonNode text = object.path(file.field());
    if (!text.isString()) {
      throw new DataException(
          where
              + "no text in '"
              + file.field()
              + "'; keys are "
              + object.propertyNames()
              + ". Set the source's field");
    }
    return text.stringValue();
  }

  private final class Collected {
    private final List<EncodedDocument> documents = new ArrayList<>();
    private int binary;
    private int empty;

    void add(SourceFile file, String name, byte[] text) {
      if (text.length == 0) {
        empty++;
      } else if (isBinary(text)) {
        binary++;
      } else {
        byte[] tokens = stored(text);
        if (tokens.length == 0) {
          empty++;
        } else {
          documents.add(new EncodedDocument(file.source(), name, text.length, tokens, null));
        }
      }
    }

    Encoded encoded() {
      return new Encoded(documents, binary, empty);
    }
  }

  private byte[] stored(byte[] text) {
    if (tokenizer instanceof ByteTokenizer) {
      return text; // byte tokens are stored as they are read
    }
    int[] tokens = tokenizer.encode(text);
    byte[] stored = new byte[Math.multiplyExact(tokens.length, tokenWidth)];
    for (int i = 0, at = 0; i < tokens.length; i++) {
      for (int b = 0; b < tokenWidth; b++) {
        stored[at++] = (byte) (tokens[i] >>> (8 * b));
      }
    }
    return stored;
  }

  private static boolean isBinary(byte[] text) {
    int end = Math.min(text.length, LOOKED_AT);
    for (int i = 0; i < end; i++) {
      if (text[i] == 0) {
        return true;
      }
    }
    return false;
  }
}
