using Postern.Mta.Accounts;

namespace Postern.Tests.Accounts;

public sealed class PasswordsTests : IDisposable
{
    readonly Passwords passwords = new() { NewRounds = 10 };

    public void Dispose() => passwords.Dispose();

    static byte[] Octets(string text)
    {
        Assert.True(Passwords.TryPrepare(text, out var octets, out var mend), mend);
        return octets;
    }

    [Fact]
    public async Task Password_ThatIsTheOne_Fits_AndNoOtherDoes()
    {
        var verifier = await passwords.CreateAsync(Octets("correct horse"));
        Assert.Equal(PasswordFit.Fits, await passwords.CheckAsync(verifier, Octets("correct horse")));
        Assert.Equal(PasswordFit.Wrong, await passwords.CheckAsync(verifier, Octets("correct  horse")));
        Assert.Equal(PasswordFit.Wrong, await passwords.CheckAsync(verifier, Octets("Correct horse")));
    }

    [Fact]
    public async Task NobodysPassword_IsWrong() =>
        Assert.Equal(PasswordFit.Wrong, await passwords.CheckAsync(null, Octets("correct horse")));

    [Fact]
    public async Task Verifier_OfTheSamePassword_HasASaltOfItsOwn()
    {
        var one = await passwords.CreateAsync(Octets("12345678"));
        var other = await passwords.CreateAsync(Octets("12345678"));
        Assert.Equal(16, one!.Salt.Length);
        Assert.False(one.Salt.Span.SequenceEqual(other!.Salt.Span));
        Assert.False(one.Hash.Span.SequenceEqual(other.Hash.Span));
    }

    [Fact]
    public void Rounds_OfANewVerifier_AreThoseOfOwasp()
    {
        using var usual = new Passwords();
        Assert.Equal(600_000, usual.NewRounds);
    }

    [Fact]
    public async Task Checks_BeyondThoseThatMayWait_AreBusy()
    {
        using var slow = new Passwords { NewRounds = 2_000_000 };
        const int most = Passwords.ThreadsMax + Passwords.WaitingMax;
        // Called one after the other on this thread: each is counted before the next one comes.
        var flood = Enumerable.Range(0, most + 5)
            .Select(_ => slow.CheckAsync(null, Octets("12345678")).AsTask()).ToArray();
        var fits = await Task.WhenAll(flood[most..]);
        Assert.All(fits, fit => Assert.Equal(PasswordFit.Busy, fit));
        Assert.Equal(PasswordFit.Wrong, await flood[0]);
        await Task.WhenAll(flood);
        Assert.Equal(PasswordFit.Wrong, await passwords.CheckAsync(null, Octets("12345678")));
    }

    [Theory]
    [InlineData("\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00")]
    [InlineData("\uff50\uff41\uff53\uff53", "pass")]
    [InlineData("a\u00a0b\u3000", "a b ")]
    public void Password_TypedInAnotherForm_IsTheSame(string one, string other) =>
        Assert.Equal(Octets(one + "-12345678"), Octets(other + "-12345678"));

    [Theory]
    [InlineData("1234567", "8 characters at least")]
    [InlineData("", "8 characters at least")]
    [InlineData("1234567\n", "no control characters")]
    public void Password_ThatIsNone_SaysWhy(string text, string why)
    {
        Assert.False(Passwords.TryPrepare(text, out _, out var mend));
        Assert.Contains(why, mend, StringComparison.Ordinal);
    }

    /// <summary>No attribute holds half a character.</summary>
    [Fact]
    public void Password_WithHalfACharacter_IsNone()
    {
        Assert.False(Passwords.TryPrepare("12345678" + (char)0xd800, out _, out _));
        Assert.False(Passwords.TryPrepare((char)0xdc00 + "12345678", out _, out _));
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(256, true)]
    [InlineData(257, false)]
    [InlineData(100_000, false)]
    public void Password_HasEightTo256Characters(int characters, bool isGood) => Assert.Equal(
        isGood, Passwords.TryPrepare(new string('x', characters), out _, out _));
}
