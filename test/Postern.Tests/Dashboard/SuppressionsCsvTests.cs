using Postern.Dashboard;
using Postern.Mta.Store;
using Postern.Mta.Suppressions;

namespace Postern.Tests.Dashboard;

public sealed class SuppressionsCsvTests
{
    static string LineOf(string address, Suppression value) => SuppressionsCsv.LineOf(
        new Named<Suppression>(
            new SuppressionKey("mg.example.org", SuppressionKind.Bounce, address).Name, value));

    static readonly Suppression Bounce = new()
    {
        Since = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };

    [Fact]
    public void Line_HasTheColumnsOfTheHead() => Assert.Equal(
        "mg.example.org,bounce,a@net.example,2026-01-02 03:04:05Z,550,gone,,1ABCDEFGHJKMN,\r\n",
        LineOf("a@net.example", Bounce with { Code = "550", Error = "gone", Message = "1ABCDEFGHJKMN" }));

    /// <summary>UI-12.</summary>
    [Theory]
    [InlineData("=cmd|' /C calc'!A0", ",'=cmd|' /C calc'!A0,")]
    [InlineData("+1", ",'+1,")]
    [InlineData("-1", ",'-1,")]
    [InlineData("@SUM(A1)", ",'@SUM(A1),")]
    [InlineData("\t=1", ",'\t=1,")]
    [InlineData("\r=1", ",\"'\r=1\",")]
    [InlineData("\n=1", ",\"'\n=1\",")]
    [InlineData("=1,\"2\"", ",\"'=1,\"\"2\"\"\",")]
    public void Cell_ThatBeginsLikeAFormula_IsText(string error, string cell) => Assert.Contains(
        cell, LineOf("a@net.example", Bounce with { Error = error }), StringComparison.Ordinal);

    [Fact]
    public void Address_ThatBeginsLikeAFormula_IsText() => Assert.Contains(
        ",'=a@net.example,", LineOf("=a@net.example", Bounce), StringComparison.Ordinal);

    [Theory]
    [InlineData("a, b", ",\"a, b\",")]
    [InlineData("say \"no\"", ",\"say \"\"no\"\"\",")]
    [InlineData("two\r\nlines", ",\"two\r\nlines\",")]
    [InlineData("mailbox = full", ",mailbox = full,")]
    public void Cell_WithCommasQuotesOrLines_IsQuoted(string error, string cell) => Assert.Contains(
        cell, LineOf("a@net.example", Bounce with { Error = error }), StringComparison.Ordinal);
}
