using System.Text;
using Postern.Smtp;
using Postern.Smtp.Sasl;

namespace Postern.Tests.Smtp.Grammar;

public sealed class UnicodeTextTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("\u1112\u1161\u11ab", "한")]
    [InlineData("\ud83d\udce6", "\ud83d\udce6")]
    [InlineData("\ufffe한", "\ufffd한")]
    [InlineData("\uffff\ufdd0", "\uffff\ufdd0")]
    public void Text_OfAnybody_IsNormalised(string text, string normal) =>
        Assert.Equal(normal, UnicodeText.Normalize(text, NormalizationForm.FormC));

    [Fact]
    public void Text_WithHalfAPair_IsNormalised() =>
        Assert.Equal("a\ufffd", UnicodeText.Normalize("a\ud83d", NormalizationForm.FormC));

    /// <summary>A peer's user name and password come here as they are.</summary>
    [Theory]
    [InlineData("한\ufffe")]
    [InlineData("\uffff")]
    public void Credentials_WithWhatNoTextHas_AreNone(string text) => Assert.Null(SaslPrep.Prepare(text));
}
