using System.Collections;
using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>
/// One key of an options record: the only place that knows its name, kind, meaning and property.
/// </summary>
/// <param name="doc">One sentence or two for docs/config.md.</param>
abstract class Setting<T>(string key, string doc)
{
    public string Key { get; } = key;
    public string Doc { get; } = doc;

    /// <summary>Whether the key counts beside the others of its table. Null: always.</summary>
    public Func<T, bool>? When { get; init; }

    /// <summary>Where the key belongs, <c>kind = "smtp"</c>, when <see cref="When"/> is set.</summary>
    public string Where { get; init; } = "";

    /// <summary>The table is refused without it.</summary>
    public bool IsRequired { get; init; }

    /// <summary>The default in words, where a value would not say it.</summary>
    public string? DefaultDoc { get; init; }

    /// <summary>
    /// Options with the value of the node, or as they were when it is wrong; the error has then been
    /// reported.
    /// </summary>
    public abstract T Read(T options, TomlNode node, string path, Reading at);

    /// <summary>
    /// Adds the line <c>key = value</c>, when it is one and, for changes, differs from <paramref
    /// name="unset"/>.
    /// </summary>
    public abstract void PrintValue(T options, T? unset, StringBuilder output);

    /// <summary>Adds tables under this key.</summary>
    public abstract void PrintTables(T options, string path, bool changedOnly, StringBuilder output);

    /// <summary>Adds what it holds, when it is a value.</summary>
    public virtual void ListValue(
        T options, T unset, string section, ICollection<EffectiveSetting> found)
    {
    }

    /// <summary>Adds what stands in tables under this key.</summary>
    public virtual void ListTables(T options, string path, ICollection<EffectiveSetting> found)
    {
    }

    /// <summary>Adds the row of this key, and puts tables it opens on the list.</summary>
    public abstract void Describe(
        T defaults, string path, StringBuilder rows, Action<Action<StringBuilder>> later);

    public bool Counts(T options) => When is null || When(options);
}

/// <summary>A key with a value.</summary>
sealed class ValueSetting<T, TValue>(
    string key, SettingKind<TValue> kind, string doc, Func<T, TValue> get, Func<T, TValue, T> set)
        : Setting<T>(key, doc)
{
    public override T Read(T options, TomlNode node, string path, Reading at) =>
        kind.TryRead(node, path, at, out var value) ? set(options, value) : options;

    public override void PrintValue(T options, T? unset, StringBuilder output)
    {
        var value = kind.Write(get(options));
        if (value is null || (unset is not null && value == kind.Write(get(unset))))
            return;
        output.Append(Key).Append(" = ").Append(value).Append('\n');
    }

    public override void PrintTables(T options, string path, bool changedOnly, StringBuilder output)
    {
    }

    public override void ListValue(
        T options, T unset, string section, ICollection<EffectiveSetting> found)
    {
        var (value, standard) = (kind.Write(get(options)), kind.Write(get(unset)));
        found.Add(new EffectiveSetting(
            section, Key, value, IsRequired ? null : standard ?? DefaultDoc,
            IsSet: IsRequired || value != standard));
    }

    public override void Describe(
        T defaults, string path, StringBuilder rows, Action<Action<StringBuilder>> later)
    {
        var standard = DefaultDoc
            ?? (IsRequired ? "required" : kind.Write(get(defaults)) is { } value ? $"`{value}`" : "none");
        var doc = Where.Length == 0 ? Doc : $"With `{Where}`: {char.ToLowerInvariant(Doc[0])}{Doc[1..]}";
        rows.Append("| `").Append(Key).Append("` | ").Append(kind.Name).Append(" | ").Append(standard)
            .Append(" | ").Append(doc).Append(" |\n");
    }
}

/// <summary>A table of fixed keys, <c>[queue]</c>.</summary>
sealed class TableSetting<T, TChild>(
    string key, SettingTable<TChild> table, Func<T, TChild> get, Func<T, TChild, T> set)
        : Setting<T>(key, table.Doc)
    where TChild : new()
{
    public override T Read(T options, TomlNode node, string path, Reading at) =>
        set(options, table.Read(get(options), node, path, at));

    public override void PrintValue(T options, T? unset, StringBuilder output)
    {
    }

    public override void PrintTables(T options, string path, bool changedOnly, StringBuilder output) =>
        table.PrintTable(
            $"[{Reading.Join(path, Key)}]", Reading.Join(path, Key), get(options), changedOnly, output);

    public override void ListTables(T options, string path, ICollection<EffectiveSetting> found) =>
        table.List(Reading.Join(path, Key), $"[{Reading.Join(path, Key)}]", get(options), found);

    public override void Describe(
        T defaults, string path, StringBuilder rows, Action<Action<StringBuilder>> later)
    {
        var full = Reading.Join(path, Key);
        later(output => table.Describe($"[{full}]", full, output));
    }
}

/// <summary>A list of tables in the order of the file, <c>[[routes]]</c>.</summary>
sealed class TableListSetting<T, TChild>(
    string key, SettingTable<TChild> table,
    Func<T, IReadOnlyList<TChild>> get, Func<T, IReadOnlyList<TChild>, T> set)
    : Setting<T>(key, table.Doc) where TChild : new()
{
    public override T Read(T options, TomlNode node, string path, Reading at)
    {
        if (node is not TomlList list || list.Items.Any(i => i is not TomlTable))
        {
            at.Error(path, node.Line, $"must be tables; write [[{path}]]");
            return options;
        }
        for (var i = 0; i < list.Items.Count; i++)
            at.Mark(Reading.Item(path, i), list.Items[i].Line);
        return set(options,
            [.. list.Items.Select((item, i) => table.Read(new TChild(), item, Reading.Item(path, i), at))]);
    }

    public override void PrintValue(T options, T? unset, StringBuilder output)
    {
    }

    public override void PrintTables(T options, string path, bool changedOnly, StringBuilder output)
    {
        var full = Reading.Join(path, Key);
        foreach (var item in get(options))
            table.PrintEntry($"[[{full}]]", full, item, changedOnly, output);
    }

    public override void ListTables(T options, string path, ICollection<EffectiveSetting> found)
    {
        var (full, number) = (Reading.Join(path, Key), 0);
        foreach (var item in get(options))
            table.List(full, $"[[{full}]] {++number}", item, found);
    }

    public override void Describe(
        T defaults, string path, StringBuilder rows, Action<Action<StringBuilder>> later)
    {
        var full = Reading.Join(path, Key);
        later(output => table.Describe($"[[{full}]]", full, output));
    }
}

/// <summary>Tables by name, <c>[transports.NAME]</c>.</summary>
sealed class NamedTablesSetting<T, TChild>(
    string key, SettingTable<TChild> table, Func<T, IReadOnlyDictionary<string, TChild>> get,
    Func<T, IReadOnlyDictionary<string, TChild>, T> set) : Setting<T>(key, table.Doc) where TChild : new()
{
    public override T Read(T options, TomlNode node, string path, Reading at)
    {
        if (node is not TomlTable tables)
        {
            at.Error(path, node.Line, $"must be tables with names; write [{path}.NAME]");
            return options;
        }
        var children = new Dictionary<string, TChild>(StringComparer.Ordinal);
        foreach (var entry in tables.Entries)
        {
            var full = Reading.Join(path, entry.Key);
            at.Mark(full, entry.Line);
            children.Add(entry.Key, table.Read(new TChild(), entry.Node, full, at));
        }
        return set(options, children);
    }

    public override void PrintValue(T options, T? unset, StringBuilder output)
    {
    }

    public override void PrintTables(T options, string path, bool changedOnly, StringBuilder output)
    {
        foreach (var (name, child) in get(options))
            table.PrintEntry(
                $"[{Reading.Join(Key, name)}]", Reading.Join(Key, name), child, changedOnly, output);
    }

    public override void ListTables(T options, string path, ICollection<EffectiveSetting> found)
    {
        foreach (var (name, child) in get(options))
            table.List(Reading.Join(Key, name), $"[{Reading.Join(Key, name)}]", child, found);
    }

    public override void Describe(
        T defaults, string path, StringBuilder rows, Action<Action<StringBuilder>> later) =>
        later(output => table.Describe($"[{Key}.NAME]", $"{Key}.NAME", output));
}

/// <summary>
/// The keys of one options record, in the order of documents and prints; it reads, prints and describes them.
/// </summary>
/// <param name="doc">What the table is for.</param>
sealed class SettingTable<T>(string doc) : IEnumerable<Setting<T>> where T : new()
{
    readonly List<Setting<T>> settings = [];

    public string Doc { get; } = doc;

    public IEnumerable<string> Keys => settings.Select(s => s.Key);

    public void Add(Setting<T> setting) => settings.Add(setting);

    /// <summary>
    /// Reads a table over <paramref name="options"/>; keys that are wrong leave their default.
    /// </summary>
    public T Read(T options, TomlNode node, string path, Reading at)
    {
        if (node is not TomlTable table)
        {
            at.Error(path, node.Line, $"must be a table; write [{path}] and its keys below it");
            return options;
        }
        // In the order of the settings, not of the file: what a key means may hang on one further down.
        foreach (var setting in settings)
        {
            if (table.TryGet(setting.Key, out var entry))
                options = ReadOne(setting, options, entry, path, at);
            else if (setting.IsRequired && setting.Counts(options))
                at.Error(Reading.Join(path, setting.Key), "is missing");
        }
        foreach (var entry in table.Entries)
            if (!Keys.Contains(entry.Key))
                at.Error(Reading.Join(path, entry.Key), entry.Line, "unknown key; "
                    + Nearest.Hint(entry.Key, [.. Keys], "keys here"));
        return options;
    }

    static T ReadOne(Setting<T> setting, T options, TomlEntry entry, string path, Reading at)
    {
        var full = Reading.Join(path, setting.Key);
        at.Mark(full, entry.Line);
        if (!setting.Counts(options))
            at.Error(full, entry.Line, $"belongs to {setting.Where} only; take it out");
        return setting.Read(options, entry.Node, full, at);
    }

    /// <summary>A table there is always: its header only where something stands below it.</summary>
    public void PrintTable(string header, string path, T options, bool changedOnly, StringBuilder output)
    {
        var body = new StringBuilder();
        PrintBody(options, path, changedOnly, body);
        if (body.Length == 0)
            return;
        if (body[0] != '\n')
            Open(output).Append(header).Append('\n');
        output.Append(body);
    }

    /// <summary>A table that somebody wrote: with its header even when all is default.</summary>
    public void PrintEntry(string header, string path, T options, bool changedOnly, StringBuilder output)
    {
        Open(output).Append(header).Append('\n');
        PrintBody(options, path, changedOnly, output);
    }

    public void PrintBody(T options, string path, bool changedOnly, StringBuilder output)
    {
        foreach (var setting in settings.Where(s => s.Counts(options)))
            setting.PrintValue(options, changedOnly && !setting.IsRequired ? new T() : default, output);
        foreach (var setting in settings.Where(s => s.Counts(options)))
            setting.PrintTables(options, path, changedOnly, output);
    }

    /// <summary>Adds every key that counts.</summary>
    public void List(
        string path, string section, T options, ICollection<EffectiveSetting> found)
    {
        var unset = new T();
        foreach (var setting in settings.Where(s => s.Counts(options)))
            setting.ListValue(options, unset, section, found);
        foreach (var setting in settings.Where(s => s.Counts(options)))
            setting.ListTables(options, path, found);
    }

    public void Describe(string title, string path, StringBuilder output)
    {
        output.Append("\n## `").Append(title).Append("`\n\n").Append(Doc).Append('\n');
        DescribeKeys(path, output);
    }

    public void DescribeKeys(string path, StringBuilder output)
    {
        var rows = new StringBuilder();
        var later = new List<Action<StringBuilder>>();
        foreach (var setting in settings)
            setting.Describe(new T(), path, rows, later.Add);
        if (rows.Length > 0)
            output.Append("\n| key | value | default | meaning |\n|---|---|---|---|\n").Append(rows);
        foreach (var section in later)
            section(output);
    }

    public IEnumerator<Setting<T>> GetEnumerator() => settings.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    static StringBuilder Open(StringBuilder output) => output.Length == 0 ? output : output.Append('\n');
}
