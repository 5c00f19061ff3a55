using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Postern.Mta.Configuration;

/// <summary>
/// Makes a tree of our few kinds out of TOML's syntax; syntax errors and duplicates are reported with their
/// line.
/// </summary>
sealed class TomlTree
{
    static readonly string[] secretKeys = [
        "password", "login", "key", "keys", "api-keys", "signing-key", "hook-secret",
    ];

    readonly string file;
    readonly List<ConfigurationError> errors;
    readonly TomlTable root = new(1);

    TomlTree(string file, List<ConfigurationError> errors) => (this.file, this.errors) = (file, errors);

    /// <returns>Whatever could be read, also when there are errors.</returns>
    public static TomlTable Read(string text, string file, List<ConfigurationError> errors)
    {
        var tree = new TomlTree(file, errors);
        DocumentSyntax document;
        try
        {
            document = SyntaxParser.Parse(text, file, validate: false);
        }
        catch (Tomlyn.TomlException)
        {
            // The one thing that it throws for: lists or tables in each other, without end.
            errors.Add(new ConfigurationError(file, 1, "", "not TOML: it is nested too deeply"));
            return tree.root;
        }
        tree.AddSyntaxErrors(document, text);
        tree.AddItems(tree.root, document.KeyValues, "");
        foreach (var table in document.Tables)
            tree.AddTable(table);
        return tree.root;
    }

    void AddSyntaxErrors(DocumentSyntax document, string text)
    {
        var lines = text.Split('\n');
        var seen = new HashSet<int>();
        foreach (var diagnostic in document.Diagnostics)
        {
            var line = diagnostic.Span.Start.Line + 1;
            if (diagnostic.Kind != DiagnosticMessageKind.Error || !seen.Add(line))
                continue;
            var source = line <= lines.Length ? lines[line - 1] : "";
            var key = source.Split('=')[0].Trim();
            // The parser's words quote the line, and what stands there may be a password without its quotes.
            errors.Add(secretKeys.Contains(key, StringComparer.Ordinal)
                ? new ConfigurationError(
                    file, line, key, "not TOML; write \"file:/path\" or \"env:NAME\" in quotes")
                : new ConfigurationError(file, line, "", "not TOML: " + OneLine(diagnostic.Message)));
        }
    }

    void AddTable(TableSyntaxBase syntax)
    {
        if (syntax.Name is not { } name)
            return;
        var keys = KeysOf(name);
        var line = LineOf(syntax);
        if (keys.Count == 0 || Descend(root, keys, line) is not { } parent)
            return;
        var path = string.Join('.', keys);
        var table = syntax is TableArraySyntax
            ? AppendTable(parent, keys[^1], path, line)
            : OpenTable(parent, keys[^1], path, line);
        if (table is not null)
            AddItems(table, syntax.Items, path);
    }

    TomlTable? OpenTable(TomlTable parent, string key, string path, int line)
    {
        if (!parent.TryGet(key, out var entry))
        {
            var table = new TomlTable(line) { IsClosed = true };
            parent.TryAdd(new TomlEntry(key, line, table));
            return table;
        }
        if (entry.Node is TomlTable { IsClosed: false } open)
        {
            open.IsClosed = true;
            return open;
        }
        errors.Add(new ConfigurationError(file, line, path, entry.Node is TomlList
            ? $"is a list of tables since line {entry.Line}; write [[{path}]]"
            : $"already stands on line {entry.Line}; put its keys there"));
        return null;
    }

    TomlTable? AppendTable(TomlTable parent, string key, string path, int line)
    {
        if (!parent.TryGet(key, out var entry))
        {
            entry = new TomlEntry(key, line, new TomlList(line, []) { IsOfTables = true });
            parent.TryAdd(entry);
        }
        if (entry.Node is not TomlList { IsOfTables: true } list)
        {
            errors.Add(new ConfigurationError(
                file, line, path, $"already stands on line {entry.Line} and is {entry.Node.What}"));
            return null;
        }
        var table = new TomlTable(line) { IsClosed = true };
        list.Items.Add(table);
        return table;
    }

    /// <summary>
    /// The table that holds the last of <paramref name="keys"/>, made on the way where it is missing.
    /// </summary>
    TomlTable? Descend(TomlTable from, List<string> keys, int line)
    {
        var table = from;
        for (var i = 0; i < keys.Count - 1; i++)
        {
            if (!table.TryGet(keys[i], out var entry))
            {
                entry = new TomlEntry(keys[i], line, new TomlTable(line));
                table.TryAdd(entry);
            }
            var inner = entry.Node is TomlList list ? list.Items.LastOrDefault() : entry.Node;
            if (inner is not TomlTable next)
            {
                errors.Add(new ConfigurationError(file, line, string.Join('.', keys),
                    $"{keys[i]} already stands on line {entry.Line} and is {entry.Node.What}"));
                return null;
            }
            table = next;
        }
        return table;
    }

    void AddItems(TomlTable table, IEnumerable<KeyValueSyntax> items, string path)
    {
        foreach (var item in items)
        {
            if (item.Key is null || item.Value is null)
                continue;
            var keys = KeysOf(item.Key);
            var line = LineOf(item);
            if (keys.Count == 0 || Descend(table, keys, line) is not { } parent)
                continue;
            var full = path.Length == 0 ? string.Join('.', keys) : $"{path}.{string.Join('.', keys)}";
            if (NodeOf(item.Value, full) is not { } node)
                continue;
            if (!parent.TryAdd(new TomlEntry(keys[^1], line, node)))
            {
                parent.TryGet(keys[^1], out var first);
                errors.Add(new ConfigurationError(
                    file, line, full, $"is already set on line {first!.Line}; keep one of the two"));
            }
        }
    }

    TomlNode? NodeOf(ValueSyntax value, string path)
    {
        var line = LineOf(value);
        switch (value)
        {
            case StringValueSyntax text:
                return text.Value is null ? null : new TomlText(line, text.Value);
            case IntegerValueSyntax whole:
                return new TomlWhole(line, whole.Value);
            case BooleanValueSyntax flag:
                return new TomlFlag(line, flag.Value);
            case FloatValueSyntax fraction:
                return new TomlFraction(line, fraction.Value);
            case DateTimeValueSyntax:
                return new TomlOther(line, "a date");
            case ArraySyntax array:
                return new TomlList(line, [.. array.Items
                    .Select(i => i.Value is null ? null : NodeOf(i.Value, path)).OfType<TomlNode>()]);
            case InlineTableSyntax inline:
                var table = new TomlTable(line) { IsClosed = true };
                AddItems(table, inline.Items.Select(i => i.KeyValue).OfType<KeyValueSyntax>(), path);
                return table;
            default:
                return null;
        }
    }

    static List<string> KeysOf(KeySyntax syntax)
    {
        var keys = new List<string>();
        if (NameOf(syntax.Key) is { } first)
            keys.Add(first);
        foreach (var dotted in syntax.DotKeys)
            if (NameOf(dotted.Key) is { } next)
                keys.Add(next);
        return keys;
    }

    static string? NameOf(BareKeyOrStringValueSyntax? key) => key switch
    {
        BareKeySyntax bare => bare.Key?.Text,
        StringValueSyntax quoted => quoted.Value,
        _ => null,
    };

    static int LineOf(SyntaxNodeBase node) => node.Span.Start.Line + 1;

    static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
}
