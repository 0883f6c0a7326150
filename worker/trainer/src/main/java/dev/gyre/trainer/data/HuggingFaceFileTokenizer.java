package dev.gyre.trainer.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A Hugging Face {@code tokenizer.json}. */
final class HuggingFaceFileTokenizer implements Tokenizer {
  /** Short texts of which any tokenizer is likely to know one; they show the template. */
  private static final String[] SAMPLES = {"a", "the", "1", "of"};

  private final TokenizerFile file;
  private final String id;
  private final RustTokenizer whole;
  private final RustTokenizer encoder;
  private final SafeCuts cuts;
  private @Nullable TokenTemplate template;

  private HuggingFaceFileTokenizer(TokenizerFile file, RustTokenizer whole, RustTokenizer encoder) {
    this.file = file;
    this.id = "tokenizer.json:" + file.sha256();
    this.whole = whole;
    this.encoder = encoder;
    this.cuts = new SafeCuts(encoder::words, file::spaceBeginsToken);
  }

  /**
   * Loads the native library, which happens once per process.
   *
   * @param parseSpecials whether the text of a special token becomes the token
   */
  static HuggingFaceFileTokenizer open(Path path, boolean parseSpecials) {
    TokenizerFile file = TokenizerFile.read(path);
    RustTokenizer whole = RustTokenizer.open(path, file.bytes());
    RustTokenizer encoder =
        parseSpecials ? whole : RustTokenizer.open(path, file.withoutSpecials());
    return new HuggingFaceFileTokenizer(file, whole, encoder);
  }

  @Override
  public int vocabSize() {
    return file.vocabSize();
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public int[] encode(byte[] utf8) {
    return encode(new String(utf8, StandardCharsets.UTF_8));
  }

  @Override
  public int[] encode(String text) {
    return narrow(encoder.ids(text, false));
  }

  private static int[] narrow(long[] ids) {
    int[] tokens = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      tokens[i] = Math.toIntExact(ids[i]);
    }
    return tokens;
  }

  @Override
  public String decode(int[] tokens) {
    return whole.decode(Arrays.stream(tokens).asLongStream().toArray());
  }

  @Override
  public TextCutter cutter() {
    return cuts;
  }

  @Override
  public boolean isSpecial(int token) {
    return file.specials().get(token);
  }

  @Override
  public synchronized TokenTemplate template() {
    TokenTemplate known = template;
    if (known == null) {
      known = findTemplate();
      template = known;
    }
    return known;
  }

  private TokenTemplate findTemplate() {
    for (String sample : SAMPLES) {
      int[] plain;
      int[] around;
      try {
        plain = narrow(whole.ids(sample, false));
        around = narrow(whole.ids(sample, true));
      } catch (DataException _) {
        continue;
      }
      for (int at = 0; plain.length > 0 && at + plain.length <= around.length; at++) {
        if (Arrays.equals(plain, 0, plain.length, around, at, at + plain.length)) {
          int[] before = Arrays.copyOf(around, at);
          int[] after = Arrays.copyOfRange(around, at + plain.length, around.length);
          return new TokenTemplate(
              before, after, (shown(before) + " TEXT " + shown(after)).strip());
        }
      }
    }
    return TokenTemplate.NONE;
  }

  private String shown(int[] ids) {
    StringBuilder text = new StringBuilder();
    for (int token : ids) {
      text.append(text.isEmpty() ? "" : " ").append(decode(new int[] {token}));
    }
    return text.toString();
  }

  @Override
  public void close() {
    whole.close();
    if (encoder != whole) {
      encoder.close();
    }
  }
}
