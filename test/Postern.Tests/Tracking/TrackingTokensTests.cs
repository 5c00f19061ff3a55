using System.Buffers.Text;
using System.Security.Cryptography;
using Postern.Mta.Queue;
using Postern.Mta.Tracking;
using Postern.Tests.Doubles;

namespace Postern.Tests.Tracking;

public sealed class TrackingTokensTests
{
    static readonly TrackingTokens tokens = new([.. Enumerable.Range(0, 32).Select(octet => (byte)octet)]);

    static readonly TrackingToken click = new(
        TrackingKind.Click, new QueueId(0x0123456789abcdef), 7,
        new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero), "https://한국.example/길?a=1");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TrackingKind.Click, "https://x.example/")]
    [InlineData(TrackingKind.Open, "")]
    [InlineData(TrackingKind.Unsubscribe, "d.example\na@b.example")]
    [InlineData(TrackingKind.UnsubscribeTags, "d.example\n길동@b.example")]
    public void Token_ReadBack_SaysWhatWasPutIn(TrackingKind kind, string text)
    {
        var token = click with { Kind = kind, Text = text };
        Assert.True(tokens.TryRead(tokens.Make(token), out var read));
        Assert.Equal(token, read);
    }

    [Fact]
    public void Token_OfEachOctetChanged_IsNotOurs()
    {
        var good = Base64Url.DecodeFromChars(tokens.Make(click));
        for (var i = 0; i < good.Length; i++)
        {
            var forged = good.ToArray();
            forged[i] ^= 1;
            Assert.False(tokens.TryRead(Base64Url.EncodeToString(forged), out _), $"octet {i}");
        }
    }

    [Fact]
    public void Token_CutAnywhere_IsNotOurs()
    {
        var good = tokens.Make(click);
        for (var length = 0; length < good.Length; length++)
            Assert.False(tokens.TryRead(good[..length], out _), $"{length} characters");
    }

    [Fact]
    public void Token_OfAnotherKey_IsNotOurs() =>
        Assert.False(tokens.TryRead(new TrackingTokens(new byte[32]).Make(click), out _));

    [Theory]
    [InlineData("")]
    [InlineData("=")]
    [InlineData("AAAA AAAA")]
    [InlineData("%00")]
    [InlineData("한국")]
    [InlineData("../../etc/passwd")]
    public void Token_ThatIsNone_IsNotOurs(string text) => Assert.False(tokens.TryRead(text, out _));

    [Fact]
    public void Token_LongerThanAny_IsNotLookedAt() =>
        Assert.False(tokens.TryRead(new string('A', 100_000), out _));

    /// <summary>Signed by the right key, and yet not what we make.</summary>
    [Fact]
    public void Token_OfAnotherVersion_IsNotTaken()
    {
        byte[] key = [.. Enumerable.Range(0, 32).Select(octet => (byte)octet)];
        var said = Base64Url.DecodeFromChars(tokens.Make(click))[..^16];
        said[0] = 2;
        var other = Base64Url.EncodeToString([.. said, .. HMACSHA256.HashData(key, said)[..16]]);
        Assert.False(tokens.TryRead(other, out _));
    }

    [Fact]
    public void Text_OfTheMostOctets_Fits_AndNoMore()
    {
        var most = click with { Text = new string('a', TrackingTokens.TextOctetsMax) };
        Assert.True(tokens.TryRead(tokens.Make(most), out var read));
        Assert.Equal(most, read);
        Assert.Throws<ArgumentException>(() => tokens.Make(most with { Text = most.Text + "a" }));
    }

    [Fact]
    public async Task Key_IsMadeOnce_AndStays()
    {
        await using var store = new MemoryStore(new MemoryDisk());
        Assert.Null(await TrackingTokens.FindAsync(store, Cancel));
        var made = (await TrackingTokens.OpenAsync(store, Cancel))!.Make(click);
        Assert.True((await TrackingTokens.OpenAsync(store, Cancel))!.TryRead(made, out _));
        Assert.True((await TrackingTokens.FindAsync(store, Cancel))!.TryRead(made, out _));
    }
}
