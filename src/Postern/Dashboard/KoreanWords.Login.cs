using System.Diagnostics;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string SignIn => "로그인";
    public override string UserName => "사용자 이름";
    public override string Password => "비밀번호";
    public override string NewPassword => "비밀번호 (8자 이상)";
    public override string SignInWithProvider => "조직 계정으로 로그인";
    public override string FirstTitle => "Postern에 오신 것을 환영합니다";
    public override string FirstExplained => "아직 계정이 없습니다. 첫 번째 관리자 계정을 만드세요.";
    public override string CreateAdmin => "관리자 만들기";
    public override string GoOnWithout => "계정 없이 둘러보기";
    public override string LinkExplained => "이 링크로 한 번만 로그인할 수 있습니다.";

    public override string NoPassword =>
        "계정이 없으신가요? Postern을 시작할 때 출력되는 링크나 postern user link NAME 명령을 이용하세요.";

    public override string Explain(LoginTrouble trouble) => trouble switch
    {
        LoginTrouble.Wrong => "사용자 이름 또는 비밀번호가 올바르지 않습니다.",
        LoginTrouble.Throttled => "로그인 실패가 너무 많습니다. 잠시 후 다시 시도하세요.",
        LoginTrouble.Busy => "지금 로그인 요청이 너무 많습니다. 다시 시도하세요.",
        LoginTrouble.Link =>
            "이미 사용했거나 만료된 링크입니다. Postern을 다시 시작하거나 \"postern user link NAME\" 명령으로"
            + " 새 링크를 받으세요.",
        LoginTrouble.Name => "사용할 수 없는 이름입니다. 64자 이하로, / \\ # 문자와 앞뒤 공백 없이 입력하세요.",
        LoginTrouble.Password => "비밀번호는 8자 이상 256자 이하여야 합니다.",
        LoginTrouble.Form => "페이지가 오래되었거나 다른 곳에서 온 요청입니다. 다시 시도하세요.",
        LoginTrouble.Oidc => "조직 로그인에서 사용자를 확인하지 못했습니다. 다시 시도하세요.",
        LoginTrouble.Role => "확인된 사용자이지만 역할이 없습니다. 관리자에게 문의하세요.",
        _ => throw new UnreachableException(),
    };
}
