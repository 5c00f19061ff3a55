using System.Text;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Configuration;
using Postern.Mta.Routing;
using Postern.Mta.Store;
using Postern.Smtp;
using Postern.Smtp.Sasl;

namespace Postern.Tests.Accounts;

public sealed class AccountDirectoryTests
{
    static readonly PosternOptions options = new()
    {
        Accounts = new Dictionary<string, AccountOptions>
        {
            ["shop"] = new()
            {
                Password = new Secret("env:X", "sesame"),
                Senders = [AddressPattern.Parse("*@a.org")],
            },
        },
    };

    static StoredObject Stored(string name, string password)
    {
        var change = AccountDirectory.Put(
            name, AccountDirectory.CreateCredential(password), [AddressPattern.Parse("x@b.org")]);
        return new StoredObject(change.Kind, change.Name, change.Json!.Value);
    }

    [Fact]
    public void Password_OfTheFile_Fits()
    {
        var directory = AccountDirectory.Load(options, []);
        Assert.True(ScramSha256.Verify(directory.FindCredential("shop"), "sesame"));
        Assert.False(ScramSha256.Verify(directory.FindCredential("shop"), "Sesame"));
    }

    [Fact]
    public void Account_OfTheStore_ComesBackWhole()
    {
        var directory = AccountDirectory.Load(options, [Stored("bob", "secret")]);
        Assert.True(directory.TryFind("bob", out var bob));
        Assert.Equal(AccountSource.Store, bob.Source);
        Assert.Equal("x@b.org", Assert.Single(bob.Senders).Text);
        Assert.True(ScramSha256.Verify(directory.FindCredential("bob"), "secret"));
    }

    [Fact]
    public void Limits_OfTheStore_ComeBack()
    {
        var (rate, quota) = (new Rate(100, TimeSpan.FromMinutes(1)), new Rate(5000, TimeSpan.FromDays(1)));
        var change = AccountDirectory.Put(
            "bob", AccountDirectory.CreateCredential("secret"), [], rate, quota);
        var directory = AccountDirectory.Load(
            options, [new StoredObject(change.Kind, change.Name, change.Json!.Value)]);
        Assert.True(directory.TryFind("bob", out var bob));
        Assert.Equal((rate, quota), (bob.Rate, bob.Quota));
    }

    [Fact]
    public void Name_InBoth_IsTheFiles()
    {
        var directory = AccountDirectory.Load(options, [Stored("shop", "other")]);
        Assert.Equal(AccountSource.File, Assert.Single(directory.All).Source);
        Assert.False(ScramSha256.Verify(directory.FindCredential("shop"), "other"));
    }

    [Fact]
    public void Object_OfTheStore_HoldsNoPassword() =>
        Assert.DoesNotContain(
            "secret", Encoding.UTF8.GetString(Stored("bob", "secret").Json.Span), StringComparison.Ordinal);

    [Fact]
    public void Stranger_LooksLikeAnAccount()
    {
        var directory = AccountDirectory.Load(options, []);
        var (known, stranger) = (directory.FindCredential("shop"), directory.FindCredential("nobody"));
        Assert.Equal(
            (known.Salt.Length, known.Iterations, known.StoredKey.Length, known.ServerKey.Length),
            (stranger.Salt.Length, stranger.Iterations, stranger.StoredKey.Length,
                stranger.ServerKey.Length));
        Assert.False(ScramSha256.Verify(stranger, "nobody"));
    }

    [Fact]
    public void Stranger_HasTheSameSaltAgain_AlsoAfterAReload()
    {
        var directory = AccountDirectory.Load(options, []);
        var later = AccountDirectory.Load(options, [], directory);
        Assert.Equal(
            directory.FindCredential("nobody").Salt.ToArray(), later.FindCredential("nobody").Salt.ToArray());
        Assert.NotEqual(
            directory.FindCredential("nobody").Salt.ToArray(), later.FindCredential("noone").Salt.ToArray());
    }

    [Theory]
    [InlineData("any@a.org", true)]
    [InlineData("user+tag@b.org", true)]
    [InlineData("any@b.org", false)]
    public void SenderRules_AllowWhatAPatternMatches(string sender, bool allowed)
    {
        Assert.True(Mailbox.TryParse(sender, out var mailbox));
        var rules =
            new SenderRules([AddressPattern.Parse("*@a.org"), AddressPattern.Parse("user@b.org")], "+");
        Assert.Equal(allowed, rules.AllowsReversePath(mailbox));
        Assert.True(rules.AllowsReversePath(null));
        Assert.True(new SenderRules([], "+").AllowsReversePath(mailbox));
    }
}
