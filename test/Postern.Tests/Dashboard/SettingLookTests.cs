using Postern.Dashboard;
using Postern.Mta;

namespace Postern.Tests.Dashboard;

public sealed class SettingLookTests
{
    static readonly PosternOptions Options = new()
    {
        Hostname = "mx.example.org",
        Queue = new QueueOptions { Lifetime = TimeSpan.FromDays(1) },
    };

    static List<string> Keys(string wanted, SettingChoice which) =>
        [.. SettingLook.Of(Options, wanted, which).Sections
            .SelectMany(section => section.Settings.Select(one => $"{section.Header} {one.Key}".Trim()))];

    [Fact]
    public void Changed_LeavesOutWhatStandsAtItsDefault()
    {
        var keys = Keys("", SettingChoice.Changed);
        Assert.Contains("hostname", keys);
        Assert.Contains("[queue] lifetime", keys);
        Assert.DoesNotContain("[queue] reserve", keys);
    }

    [Theory]
    [InlineData("LIFETIME", "[queue] lifetime")]
    [InlineData("[queue]", "[queue] lifetime")]
    [InlineData("mx.example", "hostname")]
    public void Search_FindsHeaderKeyAndValue(string wanted, string expected) =>
        Assert.Contains(expected, Keys(wanted, SettingChoice.All));

    [Fact]
    public void Search_LeavesOutTheRest()
    {
        Assert.DoesNotContain("hostname", Keys("lifetime", SettingChoice.All));
        Assert.Empty(Keys("no such thing anywhere", SettingChoice.All));
    }

    [Fact]
    public void Rows_AreBounded()
    {
        var many = Options with
        {
            Accounts = Enumerable.Range(0, SettingLook.RowsMax)
                .ToDictionary(i => $"a{i}", _ => new AccountOptions()),
        };
        var look = SettingLook.Of(many, "", SettingChoice.All);
        Assert.True(look.IsCut);
        Assert.Equal(SettingLook.RowsMax, look.Sections.Sum(section => section.Settings.Count));
    }
}
