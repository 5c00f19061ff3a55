using Postern.Mta;
using Postern.Mta.Configuration;

namespace Postern.Dashboard;

/// <summary>The configuration in force, as far as a search goes.</summary>
/// <param name="IsCut">There are more than are shown.</param>
public sealed record SettingLook(IReadOnlyList<SettingSection> Sections, bool IsCut)
{
    /// <summary>A configuration may name thousands of accounts.</summary>
    public const int RowsMax = 1000;

    /// <param name="wanted">What header, key or value hold, without regard to case. Empty: anything.</param>
    /// <param name="which">Whether what stands at its default is left out.</param>
    internal static SettingLook Of(PosternOptions options, string wanted, SettingChoice which)
    {
        var fitting = ConfigurationPrinter.List(options)
            .Where(one => (which == SettingChoice.All || one.IsSet) && Holds(one, wanted)).ToList();
        return new SettingLook(
            [.. fitting.Take(RowsMax).GroupBy(one => one.Section)
                .Select(group => new SettingSection(group.Key, [.. group]))],
            fitting.Count > RowsMax);
    }

    static bool Holds(EffectiveSetting one, string wanted) =>
        $"{one.Section} {one.Key} {one.Value}".Contains(wanted, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Settings that stand under one header, in the order of the documents.</summary>
public sealed record SettingSection(string Header, IReadOnlyList<EffectiveSetting> Settings);

public enum SettingChoice { All, Changed }
