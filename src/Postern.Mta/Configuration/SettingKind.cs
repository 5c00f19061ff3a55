namespace Postern.Mta.Configuration;

/// <summary>A kind of value: its name in documents, how it is read and how it is written.</summary>
/// <param name="name">As in docs/config.md: <c>duration</c>, <c>list of networks</c>.</param>
/// <param name="write">TOML; null: the key is left out.</param>
sealed class SettingKind<TValue>(string name, ValueReader<TValue> read, Func<TValue, string?> write)
{
    public string Name { get; } = name;
    public ValueReader<TValue> TryRead { get; } = read;
    public Func<TValue, string?> Write { get; } = write;
}

/// <summary>The kinds of values there are.</summary>
static class Kinds
{
    /// <summary>Reads text; the mend is null when it was read.</summary>
    public delegate TValue? TextReader<TValue>(string text, Reading at, out string? mend);

    public static readonly SettingKind<string> Text = OfText("text",
        (string text, Reading _, out string? mend) =>
        {
            mend = text.Length == 0 ? "may not be empty"
                : text.Any(char.IsControl) ? "may not hold control characters" : null;
            return text;
        },
        text => text);

    /// <summary>Text that may be empty.</summary>
    public static readonly SettingKind<string> AnyText = OfText("text",
        (string text, Reading _, out string? mend) =>
        {
            mend = null;
            return text;
        },
        text => text);

    /// <summary>A relative one begins at the directory of the file.</summary>
    public static readonly SettingKind<string> FilePath = OfText("path",
        (string text, Reading at, out string? mend) =>
        {
            mend = text.Length == 0 || text.Contains('\0', StringComparison.Ordinal) ? "write a path" : null;
            return mend is null ? Path.GetFullPath(text, at.Directory) : "";
        },
        text => text);

    static readonly SettingKind<IReadOnlyList<string>> texts = List(Text);

    public static readonly SettingKind<TimeSpan> Duration = OfText("duration",
        (string text, Reading _, out string? mend) =>
        {
            mend = Units.TryParseDuration(text, out var time)
                ? null : $"\"{text}\" is no duration; write \"100ms\", \"30s\", \"5m\", \"4h\" or \"5d\"";
            return time;
        },
        Units.FormatDuration);

    public static readonly SettingKind<long> Size = OfText("size",
        (string text, Reading _, out string? mend) =>
        {
            mend = Units.TryParseSize(text, out var octets)
                ? null : $"\"{text}\" is no size; write \"25MB\" (10^6 octets) or \"50MiB\" (2^20)";
            return octets;
        },
        Units.FormatSize);

    public static readonly SettingKind<bool> Flag =
        new("true or false", ReadFlag, flag => flag ? "true" : "false");

    public static readonly SettingKind<Secret> Secret = OfText("secret",
        (string text, Reading at, out string? mend) =>
            SecretReader.Read(text, at, SecretReach.Owner, out mend),
        secret => secret.Reference);

    /// <summary>By reference like a secret, but others may read it: a certificate authority.</summary>
    public static readonly SettingKind<Secret> Reference = OfText("reference",
        (string text, Reading at, out string? mend) =>
            SecretReader.Read(text, at, SecretReach.Anybody, out mend),
        secret => secret.Reference);

    public static readonly SettingKind<Network> Network = OfText("network",
        (string text, Reading _, out string? mend) =>
        {
            Configuration.Network.TryParse(text, out var network, out mend);
            return network;
        },
        network => network.Text);

    public static readonly SettingKind<System.Net.IPEndPoint> Endpoint = OfText("address and port",
        (string text, Reading _, out string? mend) =>
        {
            ListenAddress.TryParse(text, out var endpoint, out mend);
            return endpoint;
        },
        endpoint => endpoint.ToString());

    public static readonly SettingKind<Inbound.Filters.FilterAddress> Filter = OfText(
        "host and port, or socket",
        (string text, Reading _, out string? mend) =>
        {
            Inbound.Filters.FilterAddress.TryParse(text, out var address, out mend);
            return address;
        },
        address => address.Text);

    public static readonly SettingKind<Routing.AddressPattern> Pattern = OfText("address pattern",
        (string text, Reading _, out string? mend) =>
        {
            Routing.AddressPattern.TryParse(text, out var pattern, out mend);
            return pattern;
        },
        pattern => pattern.Text);

    public static readonly SettingKind<Rate> Rate = OfText("rate",
        (string text, Reading _, out string? mend) =>
        {
            mend = Configuration.Rate.TryParse(text, out var rate)
                ? null : $"\"{text}\" is no rate; write \"100/s\", \"600/min\", \"1000/hour\" or "
                + "\"5000/day\"";
            return rate;
        },
        rate => rate.ToString());

    public static readonly SettingKind<Rate> Quota = OfText("quota",
        (string text, Reading _, out string? mend) =>
        {
            mend = Configuration.Rate.TryParse(text, out var quota) && quota.IsDaily
                ? null : $"\"{text}\" is no quota; write \"5000/day\"";
            return quota;
        },
        quota => quota.ToString());

    public static SettingKind<int> Whole(int min, int max) => new("number",
        (TomlNode node, string path, Reading at, out int value) =>
        {
            value = 0;
            if (node is TomlWhole { Value: var number } && number >= min && number <= max)
            {
                value = (int)number;
                return true;
            }
            at.Error(path, node.Line, node is TomlWhole
                ? $"must be from {min} to {max}"
                : $"must be a number such as {Math.Max(min, 1)}, not {node.What}");
            return false;
        },
        number => number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>From 0 to 1.</summary>
    public static readonly SettingKind<double> Fraction = new("fraction",
        (TomlNode node, string path, Reading at, out double value) =>
        {
            value = node is TomlFraction { Value: var part } ? part
                : node is TomlWhole { Value: var whole } ? whole : double.NaN;
            if (value is >= 0 and <= 1)
                return true;
            at.Error(path, node.Line, node is TomlFraction or TomlWhole
                ? "must be from 0 to 1" : $"must be a fraction such as 0.1, not {node.What}");
            return false;
        },
        part => part.ToString("0.0###############", System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>One of the names of an enumeration, in small letters.</summary>
    public static SettingKind<TWord> Word<TWord>() where TWord : struct, Enum
    {
        var words = WordsOf<TWord>();
        return OfText(string.Join(", ", words.Select(w => $"`{w.Text}`")),
            (string text, Reading _, out string? mend) =>
            {
                foreach (var word in words)
                    if (word.Text == text)
                    {
                        mend = null;
                        return word.Value;
                    }
                mend = WrongWord(text, [.. words.Select(w => w.Text)]);
                return default;
            },
            word => words.First(w => w.Value.Equals(word)).Text);
    }

    /// <summary>A list; one value alone counts as a list of one.</summary>
    public static SettingKind<IReadOnlyList<TItem>> List<TItem>(SettingKind<TItem> item) => new(
        $"list of {item.Name}",
        (TomlNode node, string path, Reading at, out IReadOnlyList<TItem> value) =>
        {
            var items = new List<TItem>();
            var nodes = node is TomlList list ? list.Items : [node];
            var good = true;
            for (var i = 0; i < nodes.Count; i++)
            {
                at.Mark(Reading.Item(path, i), nodes[i].Line);
                if (item.TryRead(nodes[i], path, at, out var read))
                    items.Add(read);
                else
                    good = false;
            }
            value = items;
            return good;
        },
        items => $"[{string.Join(", ", items.Select(i => item.Write(i)))}]");

    public static SettingKind<TValue?> OrNull<TValue>(this SettingKind<TValue> kind) where TValue : class =>
        new(
        kind.Name,
        (TomlNode node, string path, Reading at, out TValue? value) =>
            kind.TryRead(node, path, at, out value),
        value => value is null ? null : kind.Write(value));

    public static SettingKind<TValue?> OrNone<TValue>(this SettingKind<TValue> kind) where TValue : struct =>
        new(
        kind.Name,
        (TomlNode node, string path, Reading at, out TValue? value) =>
        {
            var good = kind.TryRead(node, path, at, out var read);
            value = good ? read : null;
            return good;
        },
        value => value is { } there ? kind.Write(there) : null);

    /// <summary>The same, or the word <c>none</c>, which is null.</summary>
    public static SettingKind<TValue?> OrTheWordNone<TValue>(this SettingKind<TValue> kind)
        where TValue : struct => new(
        $"{kind.Name}, or `\"none\"`",
        (TomlNode node, string path, Reading at, out TValue? value) =>
        {
            value = null;
            if (node is TomlText { Value: "none" })
                return true;
            var good = kind.TryRead(node, path, at, out var read);
            value = good ? read : null;
            return good;
        },
        value => value is { } there ? kind.Write(there) : Text.Write("none"));

    /// <summary>Free keys, each with a list of text; written as an inline table.</summary>
    public static readonly SettingKind<IReadOnlyDictionary<string, IReadOnlyList<string>>> TextTable = new(
        "table of text",
        ReadTextTable,
        table => table.Count == 0 ? null : $"{{ {string.Join(", ", table.Select(WriteTextEntry))} }}");

    /// <summary>Doors: one of the words, or a list of them.</summary>
    public static readonly SettingKind<MailDoors> Doors = DoorsOf(List(Word<MailDoors>()));

    public static string WrongWord(string text, IReadOnlyCollection<string> words) =>
        $"\"{text}\" is none of {string.Join(", ", words.Select(w => $"\"{w}\""))}"
        + (Nearest.Find(text, words) is { } near ? $"; did you mean \"{near}\"?" : "");

    public static IReadOnlyList<(string Text, TWord Value)> WordsOf<TWord>() where TWord : struct, Enum =>
        [.. Enum.GetValues<TWord>().Select(v => (Hyphenated(v.ToString()), v))];

    /// <summary><c>mailgun-mime</c> of <c>MailgunMime</c>.</summary>
    static string Hyphenated(string name) => string.Concat(name.Select((c, i) =>
        (char.IsAsciiLetterUpper(c) && i > 0 ? "-" : "") + char.ToLowerInvariant(c)));

    static SettingKind<TValue> OfText<TValue>(
        string name, TextReader<TValue> read, Func<TValue, string> write) => new(
        name,
        (TomlNode node, string path, Reading at, out TValue value) =>
        {
            value = default!;
            if (node is not TomlText { Value: var text })
            {
                at.Error(path, node.Line, $"must be text in quotes, not {node.What}");
                return false;
            }
            var result = read(text, at, out var mend);
            if (mend is not null)
            {
                at.Error(path, node.Line, mend);
                return false;
            }
            value = result!;
            return true;
        },
        value => TomlWriter.Text(write(value)));

    static string WriteTextEntry(KeyValuePair<string, IReadOnlyList<string>> entry) =>
        $"{TomlWriter.Key(entry.Key)} = {texts.Write(entry.Value)}";

    static bool ReadTextTable(
        TomlNode node, string path, Reading at, out IReadOnlyDictionary<string, IReadOnlyList<string>> value)
    {
        var read = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        value = read;
        if (node is not TomlTable table)
        {
            at.Error(path, node.Line, $"must be a table; write [{path}] and its lines below it");
            return false;
        }
        var good = true;
        foreach (var entry in table.Entries)
        {
            var full = Reading.Join(path, entry.Key);
            at.Mark(full, entry.Line);
            if (texts.TryRead(entry.Node, full, at, out var targets))
                read.Add(entry.Key, targets);
            else
                good = false;
        }
        return good;
    }

    static bool ReadFlag(TomlNode node, string path, Reading at, out bool value)
    {
        value = node is TomlFlag { Value: true };
        if (node is TomlFlag)
            return true;
        at.Error(path, node.Line, $"must be true or false, not {node.What}");
        return false;
    }

    static SettingKind<MailDoors> DoorsOf(SettingKind<IReadOnlyList<MailDoors>> list) => new(
        list.Name,
        (TomlNode node, string path, Reading at, out MailDoors doors) =>
        {
            var good = list.TryRead(node, path, at, out var items);
            doors = items.Aggregate(default(MailDoors), (all, one) => all | one);
            if (good && doors == 0)
                at.Error(path, node.Line, "names no door; write \"mx\", \"submission\", \"api\" or "
                    + "\"forward\"");
            return good && doors != 0;
        },
        doors => list.Write([.. Enum.GetValues<MailDoors>().Where(d => (doors & d) != 0)]));
}

/// <summary>Reads a value of the file. False: the error has been reported.</summary>
delegate bool ValueReader<TValue>(TomlNode node, string path, Reading at, out TValue value);
