using System.Text;
using Postern.Mta.Events;

namespace Postern.Tests.Events;

/// <summary>Words of the index: what is kept and what is asked for are split and folded alike.</summary>
public sealed class IndexWordsTests
{
    [Theory]
    [InlineData("Your order #1042-A is on its way!", "your order 1042 a is on its way")]
    [InlineData("주문 확인(2026년)", "주문 확인 2026년")]
    [InlineData("ＦＵＬＬ ｗｉｄｔｈ ﬁne", "full width fine")]
    [InlineData("naïve_café", "naïve café")]
    [InlineData("  ,;  ", "")]
    [InlineData("📦 parcel", "parcel")]
    [InlineData("हिन्दी में", "हिन्दी में")]
    public void Text_IsLettersDigitsAndMarks_Folded(string text, string words) =>
        Assert.Equal(words, string.Join(' ', IndexWords.OfText(text)));

    [Fact]
    public void Text_InNfd_HasTheWordsOfNfc() => Assert.Equal(
        IndexWords.OfText("주문 확인 café"),
        IndexWords.OfText("주문 확인 café".Normalize(NormalizationForm.FormD)));

    [Fact]
    public void Text_WithHalfASurrogatePair_HasWordsNevertheless() =>
        Assert.Equal(["a", "b"], IndexWords.OfText("a\ud800 \udc00b"));

    [Fact]
    public void Text_WithANoncharacter_HasWordsNevertheless() =>
        Assert.Equal(["주문", "b"], IndexWords.OfText("주문\ufffe \uffffb"));

    [Theory]
    [InlineData("Kim+Shop@Mail.Example.com", "kim+shop@mail.example.com kim+shop kim mail.example.com mail "
        + "example com")]
    [InlineData("수신@예시.example", "수신@예시.example 수신 예시.example 예시 example")]
    [InlineData("\"a b\"@example.org", "\"a_b\"@example.org \"a_b\" example.org example org")]
    [InlineData("", "")]
    public void Address_IsFoundByAllOfIt_ByItsParts_AndByLabels(string address, string words) =>
        Assert.Equal(words, string.Join(' ', IndexWords.OfAddress(address)));

    [Fact]
    public void Word_ThatIsTooLong_IsCut_NeverWithinACharacter()
    {
        Assert.Equal(128, IndexWords.Cut(new string('a', 300)).Length);
        Assert.Equal(127, IndexWords.Cut(new string('a', 127) + "\U00020000").Length);
    }
}
