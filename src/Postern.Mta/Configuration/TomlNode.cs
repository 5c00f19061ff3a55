using System.Diagnostics.CodeAnalysis;

namespace Postern.Mta.Configuration;

/// <summary>A value of the file with the line it begins on.</summary>
abstract record TomlNode(int Line)
{
    /// <summary>What it is, for errors about its type; never its text, which may be a secret.</summary>
    public abstract string What { get; }
}

sealed record TomlText(int Line, string Value) : TomlNode(Line)
{
    public override string What => "text";
}

sealed record TomlWhole(int Line, long Value) : TomlNode(Line)
{
    public override string What => "a number";
}

sealed record TomlFlag(int Line, bool Value) : TomlNode(Line)
{
    public override string What => Value ? "true" : "false";
}

sealed record TomlFraction(int Line, double Value) : TomlNode(Line)
{
    public override string What => "a fraction";
}

/// <summary>A date: no setting takes one.</summary>
sealed record TomlOther(int Line, string Name) : TomlNode(Line)
{
    public override string What => Name;
}

sealed record TomlList(int Line, List<TomlNode> Items) : TomlNode(Line)
{
    /// <summary>Made by <c>[[name]]</c>, so a further <c>[[name]]</c> adds to it.</summary>
    public bool IsOfTables { get; init; }

    public override string What => "a list";
}

sealed record TomlTable(int Line) : TomlNode(Line)
{
    readonly Dictionary<string, TomlEntry> entries = new(StringComparer.Ordinal);

    /// <summary>Opened by a header or written inline: a second header of the name is a duplicate.</summary>
    public bool IsClosed { get; set; }

    public override string What => "a table";

    /// <summary>In the order of the file.</summary>
    public List<TomlEntry> Entries { get; } = [];

    public bool TryGet(string key, [NotNullWhen(true)] out TomlEntry? entry) =>
        entries.TryGetValue(key, out entry);

    public bool TryAdd(TomlEntry entry)
    {
        if (!entries.TryAdd(entry.Key, entry))
            return false;
        Entries.Add(entry);
        return true;
    }
}

sealed record TomlEntry(string Key, int Line, TomlNode Node);
