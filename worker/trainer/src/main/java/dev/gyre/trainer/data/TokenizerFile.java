package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.GitLfsPointer;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A {@code tokenizer.json} as read: what of it decides how texts are cut and stored. Read as a
 * stream, as a vocabulary of a quarter of a million tokens makes a large tree.
 */
final class TokenizerFile {
  /** The character that represents a space in SentencePiece vocabularies. */
  static final char SPACE_MARK = '\u2581';

  /** Parts of the file are read as trees; what follows them is the rest of the file. */
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final Path file;
  private final byte[] bytes;
  private int vocabSize;
  private boolean hasVocabulary;
  private String unknown = "";
  private double dropout;
  private boolean marksSpaces;
  private final BitSet specials = new BitSet();
  private final BitSet beforeMark = new BitSet();
  private @Nullable JsonNode added;

  private TokenizerFile(Path file, byte[] bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  /**
   * @throws DataException if it cannot be read, is no tokenizer, or would encode a text otherwise
   *     every time
   */
  static TokenizerFile read(Path file) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new DataException(
          "dataset.tokenizer: cannot read "
              + file.toAbsolutePath().normalize()
              + "; name a tokenizer.json, or use bytes",
          e);
    }
    if (GitLfsPointer.matches(Arrays.copyOf(bytes, Math.min(bytes.length, GitLfsPointer.BYTES)))) {
      throw new DataException("dataset.tokenizer: " + file + " " + GitLfsPointer.PROBLEM);
    }
    TokenizerFile read = new TokenizerFile(file, bytes);
    try (JsonParser parser = JSON.createParser(bytes)) {
      read.parse(parser);
    } catch (JacksonException e) {
      throw new DataException(
          "dataset.tokenizer: %s is not JSON (line %d, column %d)"
              .formatted(file, e.getLocation().getLineNr(), e.getLocation().getColumnNr()),
          e);
    }
    read.check();
    return read;
  }

  private void parse(JsonParser parser) {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      return;
    }
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "model" -> model(parser);
        case "added_tokens" -> added = JSON.readTree(parser);
        case "normalizer", "pre_tokenizer" -> marksSpaces |= marksSpaces(JSON.readTree(parser));
        default -> parser.skipChildren();
      }
    }
    JsonNode tokens = added;
    for (JsonNode token : tokens == null ? JSON.createArrayNode() : tokens) {
      int id = token.path("id").asInt(0);
      vocabSize = Math.max(vocabSize, id + 1);
      if (token.path("special").asBoolean(false)
          && !token.path("content").asString("").equals(unknown)) {
        specials.set(id);
      }
    }
  }

  private void model(JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return;
    }
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (key) {
        case "vocab" -> vocabulary(parser, value);
        case "unk_token" -> unknown = value == JsonToken.VALUE_STRING ? parser.getString() : "";
        case "dropout" -> dropout = value.isNumeric() ? parser.getDoubleValue() : 0;
        default -> parser.skipChildren();
      }
    }
  }

  /** An object of ids by piece, or a list of pieces and scores. */
  private void vocabulary(JsonParser parser, JsonToken begin) {
    if (begin == JsonToken.START_OBJECT) {
      hasVocabulary = true;
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        piece(parser.currentName());
        parser.nextToken();
        vocabSize = Math.max(vocabSize, parser.getValueAsInt() + 1);
      }
    } else if (begin == JsonToken.START_ARRAY) {
      hasVocabulary = true;
      int id = 0;
      for (; parser.nextToken() != JsonToken.END_ARRAY; id++) {
        JsonNode entry = JSON.readTree(parser);
        piece(entry.path(0).asString(""));
      }
      vocabSize = Math.max(vocabSize, id);
    } else {
      parser.skipChildren();
    }
  }

  private void piece(String piece) {
    for (int at = piece.indexOf(SPACE_MARK, 1); at > 0; at = piece.indexOf(SPACE_MARK, at + 1)) {
      beforeMark.set(piece.charAt(at - 1));
    }
  }

  /** Whether, anywhere in it, spaces are replaced by {@link #SPACE_MARK}. */
  private static boolean marksSpaces(JsonNode node) {
    String type = node.path("type").asString("");
    boolean replaces =
        type.equals("Replace")
            && node.path("pattern").path("String").asString("").equals(" ")
            && node.path("content").asString("").equals(String.valueOf(SPACE_MARK));
    boolean metaspace =
        type.equals("Metaspace")
            && node.path("replacement").asString("").equals(String.valueOf(SPACE_MARK));
    if (replaces || metaspace) {
      return true;
    }
    for (JsonNode inside : node) {
      if (marksSpaces(inside)) {
        return true;
      }
    }
    return false;
  }

  private void check() {
    if (!hasVocabulary) {
      throw new DataException(
          "dataset.tokenizer: "
              + file
              + " has no model.vocab; is it a Hugging Face tokenizer.json?");
    }
    if (dropout > 0) {
      throw new DataException(
          "dataset.tokenizer: %s has model.dropout %s: each preparation would make other tokens; set it to null"
              .formatted(file, dropout));
    }
  }

  Path file() {
    return file;
  }

  /** The file's bytes, not a copy. */
  byte[] bytes() {
    return bytes;
  }

  String sha256() {
    return HexFormat.of().formatHex(Hashing.sha256().digest(bytes));
  }

  /** The largest id plus one; added tokens may lie above the model's own. */
  int vocabSize() {
    return vocabSize;
  }

  /** Ids of special tokens, without the one for what is unknown. */
  BitSet specials() {
    return specials;
  }

  /**
   * Whether a space after this character always begins another token: spaces become {@link
   * #SPACE_MARK}, and no piece of the vocabulary holds the character and a mark behind it.
   */
  boolean spaceBeginsToken(char before) {
    return marksSpaces && !beforeMark.get(before) && !beforeMark.get(Character.toLowerCase(before));
  }

  /** The same tokenizer, but one that takes the text of a special token for any other text. */
  byte[] withoutSpecials() {
    StringWriter out = new StringWriter(bytes.length);
    try (JsonParser parser = JSON.createParser(bytes);
        JsonGenerator json = JSON.createGenerator(out)) {
      parser.nextToken();
      json.writeStartObject();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        json.writeName(key);
        switch (key) {
          case "added_tokens" -> JSON.writeTree(json, ordinary(JSON.readTree(parser)));
          case "post_processor" -> {
            parser.skipChildren();
            json.writeNull();
          }
          default -> json.copyCurrentStructure(parser);
        }
      }
      json.writeEndObject();
    }
    return out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static JsonNode ordinary(JsonNode tokens) {
    var kept = JSON.createArrayNode();
    for (JsonNode token : tokens) {
      if (!token.path("special").asBoolean(false)) {
        kept.add(token);
      }
    }
    return kept;
  }
}
