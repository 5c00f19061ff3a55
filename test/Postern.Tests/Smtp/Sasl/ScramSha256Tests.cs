using System.Text;
using Postern.Smtp.Sasl;

namespace Postern.Tests.Smtp.Sasl;

public sealed class ScramSha256Tests
{
    const string ClientNonce = "rOprNGfwEbeRWgbNEkqO";
    const string ServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    static readonly byte[] Salt = Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ==");

    [Fact]
    public void Exchange_OfRfc7677Section3_GivesItsMessages()
    {
        var client = new ScramClientExchange("user", "pencil", ClientNonce);
        var server = new ScramServerExchange(ServerNonce);
        Assert.Equal($"n,,n=user,r={ClientNonce}", Encoding.UTF8.GetString(client.ClientFirst));
        Assert.True(server.TryReadClientFirst(client.ClientFirst));
        Assert.Equal("user", server.UserName);

        var first = server.WriteServerFirst(ScramSha256.CreateCredential("pencil", Salt, 4096));
        Assert.Equal(
            $"r={ClientNonce}{ServerNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", Encoding.UTF8
                .GetString(first));
        Assert.True(client.TryReadServerFirst(first, out var final));
        Assert.Equal(
            $"c=biws,r={ClientNonce}{ServerNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            Encoding.UTF8.GetString(final));
        Assert.Equal(ScramVerdict.Proved, server.Verify(final, out var proof));
        Assert.Equal("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Encoding.UTF8.GetString(proof));
        Assert.True(client.IsServerProved(proof));
        proof[5] ^= 1;
        Assert.False(client.IsServerProved(proof));
    }

    [Fact]
    public void Exchange_WithAnotherPassword_IsRefused()
    {
        var client = new ScramClientExchange("user", "pencils", ClientNonce);
        var server = new ScramServerExchange(ServerNonce);
        Assert.True(server.TryReadClientFirst(client.ClientFirst));
        Assert.True(client.TryReadServerFirst(
            server.WriteServerFirst(ScramSha256.CreateCredential("pencil", Salt, 4096)), out var final));
        Assert.Equal(ScramVerdict.Refused, server.Verify(final, out _));
    }

    [Theory]
    [InlineData("p=tls-unique,,n=user,r=abc")]
    [InlineData("n,,n=user,r=")]
    [InlineData("n,,n=us=er,r=abc")]
    [InlineData("n,,m=x,n=user,r=abc")]
    [InlineData("")]
    public void ClientFirst_OutsideTheGrammar_IsNotRead(string message) =>
        Assert.False(new ScramServerExchange("x").TryReadClientFirst(Encoding.UTF8.GetBytes(message)));

    [Theory]
    [InlineData("r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096")]
    [InlineData("r=other,s=AAAA,i=4096")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=2000000000")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=0")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=A,i=4096")]
    public void ServerFirst_ReplayedOrAbsurd_IsNotAnswered(string message) =>
        Assert.False(new ScramClientExchange("user", "pencil", ClientNonce)
            .TryReadServerFirst(Encoding.UTF8.GetBytes(message), out _));

    // AUT-11
    [Fact]
    public void Verify_BothNormalForms_AreOnePassword()
    {
        var credential = ScramSha256.CreateCredential("pa\u00e9\uac00", Salt, 4096);
        Assert.True(ScramSha256.Verify(credential, "pae\u0301\u1100\u1161"));
        Assert.False(ScramSha256.Verify(credential, "pae\uac00"));
        Assert.False(ScramSha256.Verify(ScramSha256.CreateCredential("a\0b", Salt, 4096), "a\0b"));
    }
}
